/**
 * Rules between the keys of one file, checked on the parts whose shape is right, so that one run names
 * every mistake of a file.
 */
import { nearestHint } from '../text/nearest.ts';
import { quote } from '../text/quote.ts';
import { isTenantPattern, tenantPlaceholder } from './addresses.ts';
import type { Agent, Interface, Service, WrittenService } from './definitions.ts';
import type { Finding } from './mistake.ts';
import { sessionTokensFindings } from './session-token-rules.ts';
import { workloadFindings } from './workload-rules.ts';

/** What the authorization request itself says; a catalogue entry must not speak over it. */
const protocolParameters = [
  'client_id',
  'client_secret',
  'code_challenge',
  'code_challenge_method',
  'nonce',
  'redirect_uri',
  'request',
  'request_uri',
  'resource',
  'response_mode',
  'response_type',
  'scope',
  'state',
];

/** What `require` asks for, or would say who is to sign in. */
const signInParameters = ['acr_values', 'claims', 'id_token_hint', 'max_age'];

/** Rules of `interface.yaml`. */
export function interfaceFindings(file: Partial<Interface>): Finding[] {
  return [
    ...identityFindings(file),
    ...workloadFindings(file),
    ...ownershipFindings(file),
    ...workspaceFindings(file),
    ...skillFolderFindings(file),
    ...sessionTokensFindings(file),
  ];
}

function workspaceFindings({ platform }: Partial<Interface>): Finding[] {
  const { workspace_id: only, workspaces } = platform ?? {};
  if (workspaces === undefined) return [];
  const path = ['platform', 'workspaces'];
  const findings: Finding[] = [];
  if (only !== undefined)
    findings.push({ path, problem: 'stands beside workspace_id: one of them says it', atKey: true });
  const named = Object.entries(workspaces);
  if (named.length === 0) findings.push({ path, problem: 'expected at least one' });
  for (const [index, [name, id]] of named.entries()) {
    const twin = named.findIndex(([, other]) => other === id);
    // Each name has locks of its own, and two of one workspace would soon differ.
    if (twin !== index) {
      findings.push({ path: [...path, name], problem: `is the workspace of ${quote(named[twin]?.[0] ?? '')} too` });
    }
  }
  return findings;
}

function skillFolderFindings({ skills }: Partial<Interface>): Finding[] {
  return (skills?.folders ?? []).flatMap((folder, index, folders) =>
    folders.indexOf(folder) === index
      ? []
      : [{ path: ['skills', 'folders', index], problem: `${quote(folder)} is listed twice` }],
  );
}

function identityFindings({ identity, people }: Partial<Interface>): Finding[] {
  if (identity?.mode === 'sso') {
    const findings: Finding[] = Object.keys(identity.authorize_parameters ?? {})
      .filter((name) => [...protocolParameters, ...signInParameters].includes(name))
      .map((name) => ({
        path: ['identity', 'authorize_parameters', name],
        problem: 'is set by the protocol and cannot be set here',
        atKey: true,
      }));
    if (!identity.scopes.includes('openid')) {
      findings.push({
        path: ['identity', 'scopes'],
        problem: 'expected "openid" among them: without it nothing proves who signed in',
      });
    }
    return findings;
  }
  if (identity?.mode !== 'os') return [];
  const isUid = (subject: string) => /^[1-9][0-9]*$/.test(subject);
  const problem = 'with identity mode os a principal is the uid of an ordinary account, such as "1000"';
  const listed = Object.keys(people?.principals ?? {})
    .filter((subject) => !isUid(subject))
    .map((subject) => ({ path: ['people', 'principals', subject], problem, atKey: true }));
  const operators = (people?.operators?.principals ?? []).flatMap((subject, index) =>
    isUid(subject) ? [] : [{ path: ['people', 'operators', 'principals', index], problem }],
  );
  return [...listed, ...operators];
}

function ownershipFindings({ ownership, platform }: Partial<Interface>): Finding[] {
  if (ownership === undefined) return [];
  const { keys, signer } = ownership;
  const findings: Finding[] = keys.flatMap(({ kid }, index) =>
    keys.findIndex((key) => key.kid === kid) === index
      ? []
      : [{ path: ['ownership', 'keys', index, 'kid'], problem: `${quote(kid)} is the name of another key too` }],
  );
  if (keys.every(({ retired }) => retired)) {
    findings.push({ path: ['ownership', 'keys'], problem: 'every key is retired, so no vault could be used' });
  }
  const signing = signer && keys.find(({ kid }) => kid === signer.kid);
  if (signer !== undefined && signing?.retired !== false) {
    const problem = `got ${quote(signer.kid)}, expected the kid of a key above that is not retired`;
    findings.push({ path: ['ownership', 'signer', 'kid'], problem });
  }
  if (platform !== undefined && platform.workspace_id === undefined && platform.workspaces === undefined) {
    const problem = 'needs platform.workspace_id or platform.workspaces: a signature is good in one workspace only';
    findings.push({ path: ['ownership'], problem, atKey: true });
  }
  return findings;
}

/** Rules of `services/<name>.yaml`. */
export function serviceFindings(file: Partial<WrittenService>): Finding[] {
  const { auth, authorization, account, tools, local_agents: localAgents } = file;
  const findings: Finding[] = [];
  // A part of the wrong shape is told already, and is not among the parts.
  if (auth === undefined && 'auth' in file && authorization === undefined && 'authorization' in file) {
    findings.push({ path: ['authorization'], problem: 'missing, expected keys and values' });
  }
  if (auth !== undefined) findings.push(...sessionTokenFindings(file));
  if (authorization !== undefined) {
    findings.push(...authorizationFindings(authorization), ...localAgentFindings(authorization, localAgents ?? []));
  }
  if (tools !== undefined) findings.push(...toolFindings(tools));
  if (authorization !== undefined && tools !== undefined) findings.push(...neededScopeFindings(authorization, tools));
  if (account !== undefined && tools !== undefined && !tools.read.includes(account.tool)) {
    findings.push({
      path: ['account', 'tool'],
      problem: `got ${quote(account.tool)}, expected one of the tools in tools.read: asking whose account it is must not change anything`,
    });
  }
  return findings;
}

function localAgentFindings(
  { via, client_id: clientId, registration }: Service['authorization'],
  sources: NonNullable<Service['local_agents']>,
): Finding[] {
  const path = ['local_agents'];
  if (new Set(sources).size < sources.length) return [{ path, problem: 'names one of them twice' }];
  if (sources.includes('idp') && clientId === undefined && registration !== 'client-metadata') {
    return [
      {
        path,
        problem:
          'idp expects authorization.client_id, or registration "client-metadata": the identity provider has to know the client before',
      },
    ];
  }
  if (sources.includes('grant') && via === 'idp') {
    return [{ path, problem: 'expected idp alone: with authorization.via nobody is sent to a consent page' }];
  }
  return [];
}

/** What is only of use where people connect a service says something untrue of one that they do not. */
function sessionTokenFindings({ authorization, account }: Partial<WrittenService>): Finding[] {
  return Object.entries({ authorization, account }).flatMap(([key, value]) =>
    value === undefined
      ? []
      : [{ path: [key], problem: 'is for services that people connect, and auth is "session-token"', atKey: true }],
  );
}

function authorizationFindings(authorization: Service['authorization']): Finding[] {
  const { issuers, metadata_issuers, registration, client_id, client_metadata_url } = authorization;
  const { token_endpoint_auth_method, authorize_parameters } = authorization;
  const findings: Finding[] = [];
  const wrong = (key: string, problem: string) => findings.push({ path: ['authorization', key], problem });

  if (registration === 'pre-registered' && client_id === undefined) {
    wrong('client_id', 'missing, expected the client id that was registered (registration is "pre-registered")');
  }
  if (registration !== undefined && registration !== 'pre-registered' && client_id !== undefined) {
    wrong('client_id', `is for registration "pre-registered" only, and registration is ${quote(registration)}`);
  }
  if (authorization.via === 'idp' && client_id === undefined && registration !== 'client-metadata') {
    wrong(
      'via',
      'expected client_id beside it, or registration "client-metadata": the identity provider has to know the client before',
    );
  }
  if (client_id !== undefined && issuers.length > 1) {
    wrong('client_id', `is of one authorization server, and authorization.issuers names ${issuers.length}`);
  }
  if (registration === 'client-metadata' && client_metadata_url === undefined) {
    wrong(
      'client_metadata_url',
      'missing, expected the address of our metadata document (registration is "client-metadata")',
    );
  }
  if (registration !== undefined && registration !== 'client-metadata' && client_metadata_url !== undefined) {
    wrong(
      'client_metadata_url',
      `is for registration "client-metadata" only, and registration is ${quote(registration)}`,
    );
  }
  if (client_metadata_url !== undefined && new URL(client_metadata_url).pathname === '/') {
    wrong('client_metadata_url', `got ${quote(client_metadata_url)}, expected an address with a path`);
  }
  if (registration === 'client-metadata' && token_endpoint_auth_method !== 'none') {
    wrong(
      'token_endpoint_auth_method',
      'expected "none": a client that is described by a public document has no secret',
    );
  }
  for (const issuer of Object.keys(metadata_issuers ?? {}).filter((name) => !issuers.includes(name))) {
    findings.push({
      path: ['authorization', 'metadata_issuers', issuer],
      problem: 'is none of authorization.issuers',
      atKey: true,
    });
  }
  for (const [issuer, pattern] of Object.entries(metadata_issuers ?? {})) {
    if (!pattern.includes(tenantPlaceholder) || isTenantPattern(pattern, issuer)) continue;
    findings.push({
      path: ['authorization', 'metadata_issuers', issuer],
      problem: `got ${quote(pattern)}, expected the issuer before it with ${tenantPlaceholder} for one part of its path`,
    });
  }
  for (const name of Object.keys(authorize_parameters ?? {}).filter((name) => protocolParameters.includes(name))) {
    findings.push({
      path: ['authorization', 'authorize_parameters', name],
      problem: 'is set by the protocol and cannot be set here',
      atKey: true,
    });
  }
  return findings;
}

function toolFindings(tools: Service['tools']): Finding[] {
  const findings: Finding[] = [];
  const classOf = new Map<string, string>();
  for (const [toolClass, names] of Object.entries(tools)) {
    for (const [index, name] of names.entries()) {
      const earlier = classOf.get(name);
      if (earlier === undefined) classOf.set(name, toolClass);
      else {
        const problem =
          earlier === toolClass
            ? `${quote(name)} is listed twice`
            : `${quote(name)} is also listed under ${earlier}: a tool has one class`;
        findings.push({ path: ['tools', toolClass, index], problem });
      }
    }
  }
  return findings;
}

/** Which tools need a scope: of a name that is not there nobody would notice that it narrows nothing. */
function neededScopeFindings({ scopes }: Service['authorization'], tools: Service['tools']): Finding[] {
  if (scopes?.tools === undefined) return [];
  const askedFor = [...new Set([...scopes.default, ...(scopes.read_only ?? []), ...(scopes.additional ?? [])])];
  const listed = Object.values(tools).flat();
  return Object.entries(scopes.tools).flatMap(([scope, needing]) => {
    const path = ['authorization', 'scopes', 'tools', scope];
    const unknown = needing.flatMap((tool, index) =>
      listed.includes(tool)
        ? []
        : [
            {
              path: [...path, index],
              problem: `${quote(tool)} is not a tool of this file; ${nearestHint(tool, listed)}`,
            },
          ],
    );
    if (askedFor.includes(scope)) return unknown;
    const problem = `is a scope that is never asked for, so its tools would be off; ${nearestHint(scope, askedFor)}`;
    return [{ path, problem, atKey: true }, ...unknown];
  });
}

/** Rules of `agents/<name>.yaml`. */
export function agentFindings({ services, skills, builtin_tools }: Partial<Omit<Agent, 'name' | 'system'>>): Finding[] {
  const findings: Finding[] = [];
  if (services !== undefined && Object.keys(services).length > 20) {
    findings.push({ path: ['services'], problem: 'expected at most 20 services: an agent takes no more MCP servers' });
  }
  for (const [index, skill] of (skills ?? []).entries()) {
    if (skills?.indexOf(skill) !== index) {
      findings.push({ path: ['skills', index], problem: `${quote(skill)} is listed twice` });
    }
  }
  for (const tool of ['web_fetch', 'web_search'] as const) {
    const setting = builtin_tools?.[tool];
    if (typeof setting !== 'string' || setting === 'off') continue;
    findings.push({
      path: ['builtin_tools', tool],
      problem: `got ${quote(setting)} without domains, and no environment holds it: write { verdict: ${setting}, domains: [<hosts>] }, or domains: open for every address`,
    });
  }
  if (skills !== undefined && skills.length > 0 && builtin_tools !== undefined) {
    if ((builtin_tools.read ?? 'off') === 'off') {
      findings.push({
        path: ['skills'],
        problem: 'skills are read with a built-in tool: add builtin_tools: { read: on }',
        atKey: true,
      });
    }
  }
  return findings;
}
