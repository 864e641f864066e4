import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '../errors/app-error.ts';
import { loadConfiguration, loadRuleFile } from './load.ts';
import { agentNamed, serviceNamed } from './lookup.ts';

const good = {
  'interface.yaml': `identity: { mode: sso, issuer: https://login.example.com, client_id: us }
people:
  groups:
    team: { notes: { read: on, write: ask, tools: { add: off } } }
  principals: {}
`,
  'services/notes.yaml': `mcp_server_url: https://mcp.example.com/mcp
authorization:
  issuers: [https://mcp.example.com]
  registration: dynamic
account: { tool: look, name: user.name }
tools:
  read: [look, find]
  write: [add]
  destructive: [drop]
`,
  'agents/helper.yaml': `model: claude-sonnet-5-5
system: { file: helper.md }
services:
  notes: { write: ask }
builtin_tools: { read: on }
skills: [tidy-up]
environment: default
allowed: { groups: [team] }
`,
  'agents/helper.md': 'Help.\n',
  'environments/default.yaml': `networking: limited
allow_mcp_servers: true
`,
};

let folder: string;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'config-')), 'config');
  await write(good);
});
afterEach(() => rm(dirname(folder), { recursive: true, force: true }));

test('a good configuration is read with its defaults filled in', async () => {
  const configuration = await loadConfiguration(folder);
  expect(configuration.folder).toBe(folder);
  expect(configuration.interface.identity).toEqual({
    mode: 'sso',
    issuer: 'https://login.example.com',
    client_id: 'us',
    scopes: ['openid', 'profile', 'email'],
    redirect: { host: '127.0.0.1', path: '/callback' },
  });
  expect(configuration.interface.people.groups['team']?.['notes']).toEqual({
    read: 'on',
    write: 'ask',
    tools: { add: 'off' },
  });
  expect(configuration.services.get('notes')).toMatchObject({
    name: 'notes',
    authorization: { token_endpoint_auth_method: 'none', resource_parameter: true, token_response: 'standard' },
    account: { tool: 'look', arguments: {}, name: 'user.name', match: 'none' },
  });
  expect(configuration.agents.get('helper')).toEqual({
    name: 'helper',
    model: 'claude-sonnet-5-5',
    system: 'Help.\n',
    services: { notes: { read: 'on', write: 'ask' } },
    builtin_tools: { read: 'on' },
    skills: ['tidy-up'],
    environment: 'default',
    allowed: { groups: ['team'], principals: [] },
  });
  expect(configuration.environments.get('default')).toEqual({
    name: 'default',
    networking: 'limited',
    allowed_hosts: [],
    allow_mcp_servers: true,
    allow_package_managers: false,
  });
});

test('the configuration we ship has no mistake', async () => {
  const configuration = await loadConfiguration(fileURLToPath(new URL('../../config', import.meta.url)));
  expect([...configuration.services.keys()]).toEqual([
    'asana',
    'atlassian',
    'cloudflare',
    'figma',
    'github',
    'google',
    'hubspot',
    'linear',
    'microsoft',
    'notion',
    'salesforce',
    'sentry',
    'slack',
    'stripe',
    'supabase',
  ]);
  expect([...configuration.agents.keys()]).toEqual(['editor', 'support']);
  expect([...configuration.environments.keys()]).toEqual(['default']);
  expect(configuration.agents.get('support')?.services).toMatchObject({
    notion: { write: 'off' },
    slack: { write: 'off' },
  });
  expect(configuration.agents.get('editor')?.services).toMatchObject({
    notion: { write: 'ask' },
    linear: { write: 'ask' },
  });
});

test('names that every object has are not found in what people may do [P4]', async () => {
  const { interface: settings, agents } = await loadConfiguration(folder);
  for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
    expect(settings.people.groups[name]).toBeUndefined();
    expect(settings.people.principals[name]).toBeUndefined();
    expect(settings.people.groups['team']?.[name]).toBeUndefined();
    expect(settings.people.groups['team']?.['notes']?.tools?.[name]).toBeUndefined();
    expect(agents.get('helper')?.services[name]).toBeUndefined();
  }
});

describe('one mistake is one line with file, place, path and fix: [P10]', () => {
  type Edit = [what: string, file: string, from: string | RegExp, to: string, line: string];
  const inInterface = 'interface.yaml';
  const inService = 'services/notes.yaml';
  const inAgent = 'agents/helper.yaml';
  const inEnvironment = 'environments/default.yaml';
  const all = /^.*$/s;

  test.each<Edit>([
    // shape
    [
      'a value that is not among the possible ones',
      inService,
      'dynamic',
      'auto',
      ':4:17 authorization.registration: got "auto", expected one of "dynamic", "client-metadata", "pre-registered", "ask"',
    ],
    [
      'a slip in a value',
      inService,
      'dynamic',
      'dynamc',
      ':4:17 authorization.registration: got "dynamc", expected one of "dynamic", "client-metadata", "pre-registered", "ask"; did you mean "dynamic"?',
    ],
    [
      'an unknown key',
      inService,
      'registration',
      'resource_paramter: true\n  registration',
      ':4:3 authorization.resource_paramter: unknown key; did you mean "resource_parameter"?',
    ],
    [
      'an unknown key nothing is near to',
      inEnvironment,
      'allow_mcp',
      'zzzzzzzzzzzz: 1\nallow_mcp',
      ':2:1 zzzzzzzzzzzz: unknown key; known are: "description", "networking", "allowed_hosts", "allow_mcp_servers", "allow_package_managers"',
    ],
    [
      'a missing key, placed at what should hold it',
      inService,
      '  issuers: [https://mcp.example.com]\n',
      '',
      ':2:1 authorization.issuers: missing, expected a list',
    ],
    [
      'a missing key of the file itself',
      inAgent,
      'environment: default\n',
      '',
      ':1:1 environment: missing, expected text',
    ],
    ['a value of the wrong kind', inAgent, 'claude-sonnet-5-5', '5', ':1:8 model: got 5, expected text: write "5"'],
    ['an empty value', inAgent, ' claude-sonnet-5-5', '', ':1:7 model: got nothing, expected text'],
    [
      'a list where there is one value',
      inAgent,
      'claude-sonnet-5-5',
      '[a, b]',
      ':1:8 model: got a list, expected text',
    ],
    [
      'a single value where there is a list',
      inService,
      '[https://mcp.example.com]',
      'https://mcp.example.com',
      ':3:12 authorization.issuers: got "https://mcp.example.com", expected a list',
    ],
    [
      'an empty list',
      inService,
      '[https://mcp.example.com]',
      '[]',
      ':3:12 authorization.issuers: got a list, expected at least 1 entry',
    ],
    [
      'an unknown identity mode',
      inInterface,
      'mode: sso',
      'mode: ssi',
      ':1:19 identity.mode: got "ssi", expected one of "sso", "os", "workload"; did you mean "sso" or "os"?',
    ],
    [
      'workspaces beside one workspace',
      inInterface,
      'people:',
      'platform: { workspace_id: wrkspc_1, workspaces: { dev: wrkspc_1 } }\npeople:',
      ':2:37 platform.workspaces: stands beside workspace_id: one of them says it',
    ],
    [
      'no workspace at all',
      inInterface,
      'people:',
      'platform: { workspaces: {} }\npeople:',
      ':2:25 platform.workspaces: expected at least one',
    ],
    [
      'two names of one workspace',
      inInterface,
      'people:',
      'platform: { workspaces: { dev: wrkspc_1, prod: wrkspc_1 } }\npeople:',
      ':2:48 platform.workspaces.prod: is the workspace of "dev" too',
    ],
    [
      'a folder of skills twice',
      inInterface,
      'people:',
      'skills: { folders: [skills, skills] }\npeople:',
      ':2:29 skills.folders[1]: "skills" is listed twice',
    ],
    [
      'a key of a later release',
      inInterface,
      'people:',
      'workload: {}\npeople:',
      ':2:1 workload: unknown key; known are: "identity", "people", "console", "approvals", "notices", "record", "ownership", "session_tokens", "sessions", "unlisted_services", "platform", "skills"',
    ],
    [
      'a key of the other identity mode',
      inInterface,
      /mode: sso.*us/,
      'mode: os, client_id: us',
      ':1:23 identity.client_id: unknown key; known are: "mode"',
    ],
    [
      'a time that is none',
      inInterface,
      /mode: sso/,
      'mode: sso, require: { max_age: 12 hours }',
      ':1:44 identity.require.max_age: got "12 hours", expected a time such as "30m", "12h" or "7d"',
    ],
    [
      'a place for the sign-in that does not exist',
      inInterface,
      /mode: sso/,
      'mode: sso, keep: { file: plain }',
      ':1:30 identity.keep: got keys and values, expected keychain, memory, { file: passphrase } or { file: { key_file: <path> } }',
    ],
    [
      'a parameter of the sign-in that is the protocol’s own',
      inInterface,
      /mode: sso/,
      'mode: sso, authorize_parameters: { acr_values: any }',
      ':1:48 identity.authorize_parameters.acr_values: is set by the protocol and cannot be set here',
    ],
    [
      'a verdict that does not exist',
      inInterface,
      'read: on',
      'read: yes',
      ':4:28 people.groups.team.notes.read: got "yes", expected one of "off", "ask", "auto", "on"',
    ],
    [
      'a write control that does not exist',
      inAgent,
      'write: ask',
      'write: auto',
      ':4:19 services.notes.write: got "auto", expected one of "off", "ask", "on"',
    ],
    [
      'an unknown built-in tool',
      inAgent,
      '{ read: on }',
      '{ read: on, gerp: on }',
      ':5:28 builtin_tools.gerp: unknown key; did you mean "grep"?',
    ],
    [
      'a web tool without domains',
      inAgent,
      '{ read: on }',
      '{ read: on, web_fetch: auto }',
      ':5:39 builtin_tools.web_fetch: got "auto" without domains, and no environment holds it: write { verdict: auto, domains: [<hosts>] }, or domains: open for every address',
    ],
    [
      'a web tool with an empty list of domains',
      inAgent,
      '{ read: on }',
      '{ read: on, web_search: { verdict: on, domains: [] } }',
      ':5:64 builtin_tools.web_search.domains: got a list, expected at least 1 entry',
    ],
    [
      'a web tool with a domain that is an address',
      inAgent,
      '{ read: on }',
      '{ read: on, web_search: { verdict: on, domains: ["https://a.example"] } }',
      ':5:65 builtin_tools.web_search.domains[0]: got "https://a.example", expected a bare host in lower case such as "api.example.com": no scheme, port, path or wildcard',
    ],
    [
      'a tool with something that is no verdict',
      inAgent,
      '{ write: ask }',
      '{ write: ask, tools: { add: maybe } }',
      ':4:38 services.notes.tools.add: got "maybe", expected one of "off", "ask", "auto", "on", or keys and values with a verdict',
    ],
    [
      'a tool with a condition and a slip in it',
      inAgent,
      '{ write: ask }',
      '{ write: ask, tools: { add: { verdict: ask, when: { gruops: [team] } } } }',
      ':4:62 services.notes.tools.add.when.gruops: unknown key; did you mean "groups"?',
    ],
    [
      'a time zone that does not exist',
      inAgent,
      '{ write: ask }',
      '{ write: ask, when: { hours: [{ from: "08:00", to: "18:00", time_zone: Europe/Bonn }] } }',
      ':4:81 services.notes.when.hours[0].time_zone: got "Europe/Bonn", expected the name of a time zone such as "Europe/Berlin" or "UTC"',
    ],
    [
      'hours that end before they begin',
      inAgent,
      '{ write: ask }',
      '{ write: ask, when: { hours: [{ from: "22:00", to: "06:00", time_zone: UTC }] } }',
      ':4:40 services.notes.when.hours[0]: got keys and values, expected from before to: what goes on after midnight is an entry of its own',
    ],
    [
      'a time of day that is none',
      inInterface,
      'write: ask',
      'write: ask, when: { hours: [{ from: "08:0", to: "18:00", time_zone: UTC }] }',
      ':4:68 people.groups.team.notes.when.hours[0].from: got "08:0", expected a time such as "08:00" or "24:00"',
    ],
    [
      'a condition on an environment that is not there',
      inInterface,
      'write: ask',
      'write: ask, when: { environments: [defualt] }',
      ':4:67 people.groups.team.notes.when.environments[0]: no such environment; did you mean "default"?',
    ],
    [
      'a scope that is never asked for',
      inService,
      'registration',
      'scopes: { default: [reading], tools: { readng: [look] } }\n  registration',
      ':4:42 authorization.scopes.tools.readng: is a scope that is never asked for, so its tools would be off; did you mean "reading"?',
    ],
    [
      'a tool that needs a scope and is not listed',
      inService,
      'registration',
      'scopes: { default: [reading], tools: { reading: [lok] } }\n  registration',
      ':4:52 authorization.scopes.tools.reading[0]: "lok" is not a tool of this file; did you mean "look"?',
    ],
    [
      'a tool whose name moves the cursor',
      inService,
      '[add]',
      '["add\\u001b[2J"]',
      ':8:11 tools.write[0]: got "add\\u001b[2J", expected a name without control and invisible characters',
    ],
    [
      'a tool whose name hides a letter',
      inService,
      '[add]',
      '["add\\u200b"]',
      ':8:11 tools.write[0]: got "add\\u200b", expected a name without control and invisible characters',
    ],
    [
      'several agents under one vault',
      inAgent,
      'environment: default',
      'multiagent: { type: coordinator }\nenvironment: default',
      ':7:1 multiagent: unknown key; known are: "description", "model", "system", "services", "builtin_tools", "skills", "require", "autonomous", "environment", "allowed"',
    ],
    [
      'a mounted repository',
      inAgent,
      'environment: default',
      'resources: [{ type: github_repository }]\nenvironment: default',
      ':7:1 resources: unknown key; known are: "description", "model", "system", "services", "builtin_tools", "skills", "require", "autonomous", "environment", "allowed"',
    ],
    [
      'two rules for one tool',
      inAgent,
      '{ write: ask }',
      '{ write: ask, tools: { add: off, add: ask } }',
      ':4:43: the key "add" is here twice',
    ],
    [
      'a system prompt of another shape',
      inAgent,
      '{ file: helper.md }',
      '{ fil: helper.md }',
      ':2:9 system: got keys and values, expected the system prompt, or { file: <name>.md } with a file beside this one',
    ],
    [
      'a skill that cannot be a folder',
      inAgent,
      'tidy-up',
      '../tidy',
      ':6:10 skills[0]: got "../tidy", expected the name of a skill\'s folder',
    ],
    [
      'an open network',
      inEnvironment,
      'limited',
      'unrestricted',
      ':1:13 networking: got "unrestricted", with an open network a session can carry what it reads to anywhere: write limited and list the hosts it needs',
    ],
    [
      'a host with a scheme',
      inEnvironment,
      'limited',
      'limited\nallowed_hosts: ["https://a.example.com"]',
      ':2:17 allowed_hosts[0]: got "https://a.example.com", expected a bare host in lower case such as "api.example.com": no scheme, port, path or wildcard',
    ],
    [
      'a port that is none',
      inInterface,
      'client_id: us',
      'client_id: us, redirect: { port: 70000 }',
      ':1:92 identity.redirect.port: got 70000, expected at most 65535',
    ],
    [
      'more than five minutes between clocks',
      inInterface,
      'client_id: us',
      'client_id: us, clock_margin: 6m',
      ':1:88 identity.clock_margin: got "6m", expected a time of at most five minutes, such as "2m"',
    ],
    [
      'a redirect path that is none',
      inInterface,
      'client_id: us',
      'client_id: us, redirect: { path: "//x" }',
      ':1:92 identity.redirect.path: got "//x", expected a path such as "/callback"',
    ],
    [
      'two scopes in one',
      inService,
      'registration',
      'scopes: { default: [a b] }\n  registration',
      ':4:23 authorization.scopes.default[0]: got "a b", expected one OAuth scope, without spaces',
    ],
    // URLs
    [
      'an MCP server without TLS',
      inService,
      'https://mcp.example.com/mcp',
      'http://mcp.example.com/mcp',
      ':1:17 mcp_server_url: got "http://mcp.example.com/mcp", expected https (http is for loopback addresses only)',
    ],
    [
      'a host that only looks like loopback',
      inService,
      'https://mcp.example.com/mcp',
      'http://127.0.0.1.example.com/mcp',
      ':1:17 mcp_server_url: got "http://127.0.0.1.example.com/mcp", expected https (http is for loopback addresses only)',
    ],
    [
      'another scheme',
      inService,
      'https://mcp.example.com/mcp',
      'file:///etc/passwd',
      ':1:17 mcp_server_url: got "file:///etc/passwd", expected https (http is for loopback addresses only)',
    ],
    [
      'a URL with a fragment',
      inService,
      'https://mcp.example.com/mcp',
      '"https://mcp.example.com/mcp#x"',
      ':1:17 mcp_server_url: got "https://mcp.example.com/mcp#x", a URL here has no fragment: leave out the # and what follows',
    ],
    [
      'a URL with a user',
      inService,
      'https://mcp.example.com/mcp',
      'https://me@mcp.example.com/mcp',
      ':1:17 mcp_server_url: got "https://me@mcp.example.com/mcp", a URL here names nobody: leave out what stands before the @',
    ],
    [
      'a URL in another spelling',
      inService,
      'https://mcp.example.com/mcp',
      'HTTPS://mcp.Example.com:443/a/../mcp',
      ':1:17 mcp_server_url: got "HTTPS://mcp.Example.com:443/a/../mcp", write it as "https://mcp.example.com/mcp"',
    ],
    [
      'no URL at all',
      inService,
      'https://mcp.example.com/mcp',
      'mcp.example.com',
      ':1:17 mcp_server_url: got "mcp.example.com", expected a whole URL such as "https://mcp.example.com/mcp"',
    ],
    [
      'an issuer with a query',
      inService,
      '[https://mcp.example.com]',
      '["https://mcp.example.com/?a"]',
      ':3:13 authorization.issuers[0]: got "https://mcp.example.com/?a", expected an issuer, which has no query',
    ],
    // rules between the keys of a file
    [
      'a pre-registered client without its id',
      inService,
      'dynamic',
      'pre-registered',
      ':2:1 authorization.client_id: missing, expected the client id that was registered (registration is "pre-registered")',
    ],
    [
      'a client id that nothing would use',
      inService,
      'dynamic',
      'dynamic\n  client_id: us',
      ':5:14 authorization.client_id: is for registration "pre-registered" only, and registration is "dynamic"',
    ],
    [
      'a client id that two authorization servers would see',
      inService,
      '[https://mcp.example.com]\n  registration: dynamic',
      '[https://mcp.example.com, https://as.example.com]\n  client_id: us',
      ':4:14 authorization.client_id: is of one authorization server, and authorization.issuers names 2',
    ],
    [
      'another name for an issuer that is none',
      inService,
      '  registration: dynamic',
      '  metadata_issuers: { https://as.example.com: https://as.example.com/a }\n  registration: dynamic',
      ':4:23 authorization.metadata_issuers["https://as.example.com"]: is none of authorization.issuers',
    ],
    [
      'a pattern that is of another issuer',
      inService,
      '[https://mcp.example.com]',
      '[https://mcp.example.com/all/v2]\n  metadata_issuers: { https://mcp.example.com/all/v2: "https://mcp.example.com/{tenantid}" }',
      ':4:55 authorization.metadata_issuers["https://mcp.example.com/all/v2"]: got "https://mcp.example.com/{tenantid}", expected the issuer before it with {tenantid} for one part of its path',
    ],
    [
      'a metadata document that is not named',
      inService,
      'dynamic',
      'client-metadata',
      ':2:1 authorization.client_metadata_url: missing, expected the address of our metadata document (registration is "client-metadata")',
    ],
    [
      'a metadata document at a bare origin',
      inService,
      'dynamic',
      'client-metadata\n  client_metadata_url: https://us.example.com',
      ':5:24 authorization.client_metadata_url: got "https://us.example.com", expected an address with a path',
    ],
    [
      'a parameter that the protocol sets',
      inService,
      'dynamic',
      'dynamic\n  authorize_parameters: { state: x }',
      ':5:27 authorization.authorize_parameters.state: is set by the protocol and cannot be set here',
    ],
    [
      'a tool in two classes',
      inService,
      'write: [add]',
      'write: [add, look]',
      ':8:16 tools.write[1]: "look" is also listed under read: a tool has one class',
    ],
    [
      'a tool listed twice',
      inService,
      'write: [add]',
      'write: [add, add]',
      ':8:16 tools.write[1]: "add" is listed twice',
    ],
    [
      'an account tool that writes',
      inService,
      'tool: look',
      'tool: add',
      ':5:18 account.tool: got "add", expected one of the tools in tools.read: asking whose account it is must not change anything',
    ],
    [
      'a sign-in that proves nobody',
      inInterface,
      'client_id: us',
      'client_id: us, scopes: [profile]',
      ':1:82 identity.scopes: expected "openid" among them: without it nothing proves who signed in',
    ],
    [
      'a person who is no account of the machine',
      inInterface,
      all,
      'identity: { mode: os }\npeople:\n  principals:\n    alice: {}\n',
      ':4:5 people.principals.alice: with identity mode os a principal is the uid of an ordinary account, such as "1000"',
    ],
    [
      'root as a person',
      inInterface,
      all,
      'identity: { mode: os }\npeople:\n  principals:\n    "0": {}\n',
      ':4:5 people.principals.0: with identity mode os a principal is the uid of an ordinary account, such as "1000"',
    ],
    [
      'skills that could not be read',
      inAgent,
      'builtin_tools: { read: on }',
      'builtin_tools: { grep: on }',
      ':6:1 skills: skills are read with a built-in tool: add builtin_tools: { read: on }',
    ],
    ['a skill twice', inAgent, '[tidy-up]', '[tidy-up, tidy-up]', ':6:19 skills[1]: "tidy-up" is listed twice'],
    // rules between files
    [
      'a service that is not there',
      inAgent,
      'notes:',
      'note:',
      ':4:3 services.note: no such service; did you mean "notes"?',
    ],
    [
      'a tool that is not in the catalogue',
      inAgent,
      'write: ask',
      'write: ask, tools: { finds: on }',
      ':4:33 services.notes.tools.finds: not a tool in services/notes.yaml; did you mean "find"?',
    ],
    [
      'an environment that is not there',
      inAgent,
      'environment: default',
      'environment: defualt',
      ':7:14 environment: no file environments/defualt.yaml; did you mean "default"?',
    ],
    [
      'a tool turned on where writes are off',
      inAgent,
      'write: ask',
      'write: off, tools: { add: ask }',
      ':4:38 services.notes.tools.add: got "ask", which is wider than write: off of this service; a single tool can only be narrower',
    ],
    [
      'permission for a service that is not there',
      inInterface,
      'notes:',
      'nots:',
      ':4:13 people.groups.team.nots: no such service; did you mean "notes"?',
    ],
    [
      'permission for a tool that is not there',
      inInterface,
      'add: off',
      'ad: off',
      ':4:53 people.groups.team.notes.tools.ad: not a tool in services/notes.yaml; did you mean "add"?',
    ],
    [
      'a system prompt that is not there',
      inAgent,
      'helper.md',
      'helpr.md',
      ':2:17 system.file: there is no file {folder}/agents/helpr.md',
    ],
    [
      'a system prompt from elsewhere',
      inAgent,
      'helper.md',
      '../interface.yaml',
      ':2:17 system.file: got "../interface.yaml", expected the name of a file beside this one, such as "support.md"',
    ],
    // YAML
    [
      'text that is not YAML',
      inAgent,
      'claude-sonnet-5-5',
      '"claude',
      /* the quote never ends */ ':9:1: is not YAML: Missing closing "quote',
    ],
    ['a tab as indentation', inService, '  issuers', '\tissuers', ':3:1: a tab cannot indent in YAML: use spaces'],
    ['a key twice', inAgent, 'environment:', 'model: x\nenvironment:', ':7:1: the key "model" is here twice'],
    [
      'a key that is a number',
      inInterface,
      'principals: {}',
      'principals: { 1000: {} }',
      ':5:17: expected text as key: write "1000", in quotes',
    ],
    [
      'a key that is a list',
      inInterface,
      'principals: {}',
      'principals: { [a]: {} }',
      ':5:17: expected a plain word as key',
    ],
    [
      'a key that reaches into objects',
      inInterface,
      'principals: {}',
      'principals: { __proto__: {} }',
      ':5:17: this key is not allowed',
    ],
    [
      'approvers of whom nobody is named',
      inInterface,
      'principals: {}',
      'principals: {}\napprovals: { services: { notes: { every: { persons: 2 } } } }',
      ':6:42 approvals.services.notes.every: got keys and values, expected at least one of groups and principals: nobody named is nobody, never everybody',
    ],
    [
      'approvers of a service that is not there',
      inInterface,
      'principals: {}',
      'principals: {}\napprovals: { services: { nots: { every: { groups: [a] } } } }',
      ':6:26 approvals.services.nots: no such service; did you mean "notes"?',
    ],
    [
      'approvers of a tool that is not there',
      inInterface,
      'principals: {}',
      'principals: {}\napprovals: { services: { builtin: { tools: { bsh: { groups: [a] } } } } }',
      ':6:46 approvals.services.builtin.tools.bsh: no tool of the platform; did you mean "bash"?',
    ],
    ['an alias', inAgent, '[tidy-up]', '*x', ':6:9: aliases are not read here: write the value of *x out'],
    [
      'a tag',
      inAgent,
      'claude-sonnet-5-5',
      '!secret x',
      ':1:8: tags are not read here: leave out the word that starts with !',
    ],
    [
      'a known tag',
      inAgent,
      'claude-sonnet-5-5',
      '!!str x',
      ':1:14: tags are not read here: leave out the word that starts with !',
    ],
    [
      'a merge key',
      inAgent,
      'skills:',
      '"<<": { a: b }\nskills:',
      ':6:1 ["<<"]: unknown key; known are: "description", "model", "system", "services", "builtin_tools", "skills", "require", "autonomous", "environment", "allowed"',
    ],
    [
      'two documents',
      inEnvironment,
      'allow_mcp',
      '---\nallow_mcp',
      ':2:1: holds a second document after ---: one file is one document',
    ],
    ['an empty file', inEnvironment, all, '', ':1:1: got nothing, expected keys and values'],
    ['only a comment', inEnvironment, all, '# nothing yet\n', ':1:1: got nothing, expected keys and values'],
    ['a list as a file', inEnvironment, all, '- a\n', ':1:1: got a list, expected keys and values'],
    ['a word as a file', inEnvironment, all, 'hello\n', ':1:1: got "hello", expected keys and values'],
    ['a file of another encoding', inEnvironment, all, 'a: \uFFFD\n', ': is not UTF-8 text'],
    ['brackets without end', inEnvironment, all, '['.repeat(20_000), ':1:1: is nested too deeply'],
    ['a file far too long', inEnvironment, all, `#${'x'.repeat(1024 * 1024)}`, ':1:1: is longer than 1 MiB'],
    [
      'text from outside that would move the cursor',
      inService,
      'dynamic',
      '"\\e[2J\\nerror: none"',
      ':4:17 authorization.registration: got "\\u001b[2J\\nerror: none", expected one of "dynamic", "client-metadata", "pre-registered", "ask"',
    ],
  ])('%s', async (_, file, from, to, line) => {
    await edit(file, from, to);
    expect(await mistakes()).toEqual([
      `config/${file}${line.replace('{folder}', folder)}`.replace(/(there is no file )(.*)/, '$1"$2"'),
    ]);
  });
});

test('every mistake of every file is told at once, in the order of files and lines [P10]', async () => {
  await edit('interface.yaml', 'read: on', 'read: yes');
  await edit('services/notes.yaml', 'dynamic', 'pre-registered\n  clientid: x');
  await edit('services/notes.yaml', '[look, find]', '[look, add]');
  await edit('agents/helper.yaml', 'default', 'defualt');
  await edit('agents/helper.yaml', 'claude-sonnet-5-5', '5');
  await edit('environments/default.yaml', 'limited', '"limited');
  expect(await mistakes()).toEqual([
    '6 mistakes in the configuration',
    'config/interface.yaml:4:28 people.groups.team.notes.read: got "yes", expected one of "off", "ask", "auto", "on"',
    'config/services/notes.yaml:5:3 authorization.clientid: unknown key; did you mean "client_id"?',
    'config/services/notes.yaml:9:11 tools.write[0]: "add" is also listed under read: a tool has one class',
    'config/agents/helper.yaml:1:8 model: got 5, expected text: write "5"',
    'config/agents/helper.yaml:7:14 environment: no file environments/defualt.yaml; did you mean "default"?',
    'config/environments/default.yaml:3:1: is not YAML: Missing closing "quote',
  ]);
});

describe('files', () => {
  test('below the working directory are named from there, so that a click opens them', async () => {
    const here = await mkdtemp(join(process.cwd(), 'node_modules/.config-'));
    try {
      await writeFile(join(here, 'interface.yaml'), 'identity: { mode: os }\nx: 1\n');
      await expect(loadConfiguration(here)).rejects.toThrow(
        `${relative('', here)}/interface.yaml:2:1 x: unknown key; known are: "identity", "people", "console", "approvals", "notices", "record", "ownership", "session_tokens", "sessions", "unlisted_services", "platform", "skills"`,
      );
    } finally {
      await rm(here, { recursive: true });
    }
  });

  test('a name that ends in .yml is told, and its content is checked all the same', async () => {
    await rm(join(folder, 'environments/default.yaml'));
    await write({ 'environments/default.yml': 'networking: limited\nallow_mcp_servers: no\n' });
    expect(await mistakes()).toEqual([
      '2 mistakes in the configuration',
      'config/environments/default.yml: expected a name that ends in .yaml',
      'config/environments/default.yml:2:20 allow_mcp_servers: got "no", expected true or false',
    ]);
  });

  test.each(['Notes', 'my_notes', '-notes', 'notes-', 'a--b', 'n'.repeat(65), 'nötes', 'a b', 'a\u001b[2Jb'])(
    'the name %j is refused',
    async (name) => {
      await write({ [`services/${name}.yaml`]: good['services/notes.yaml'] });
      const [line] = await mistakes();
      expect(line).toMatch(/\.yaml: expected a file name of lower-case letters, digits and single hyphens/);
      expect(line).not.toContain('\u001b');
    },
  );

  test('no service is called as the platform calls its own tools, nor like a command where one is named', async () => {
    await write({ 'services/builtin.yaml': good['services/notes.yaml'] });
    expect(await mistakes()).toEqual([expect.stringContaining('builtin.yaml: no service can have this name')]);
    await rm(join(folder, 'services', 'builtin.yaml'));
    await expect(loadConfiguration(folder)).resolves.toBeDefined();
    await expect(loadConfiguration(folder, ['notes'])).rejects.toThrow('notes.yaml: no service can have this name');
  });

  test.each(['service', 'agent', 'enviroments'])('a folder called %s is not passed over in silence', async (name) => {
    await write({ [`${name}/x.yaml`]: '' });
    expect((await mistakes())[0]).toMatch(`config/${name}: nothing reads this folder; did you mean`);
  });

  test('notes, hidden files and folders of other names are left alone', async () => {
    await write({
      'README.md': 'x',
      'services/.notes.yaml.swp': 'x',
      'services/.old.yaml': '{',
      'schema/x.json': '{',
      'tools.lock.json': '{}',
    });
    await expect(loadConfiguration(folder)).resolves.toBeDefined();
  });

  test('a file system that turns a name into a link is followed, as mounted configuration needs it', async () => {
    await write({ 'elsewhere.txt': good['environments/default.yaml'] });
    await rm(join(folder, 'environments/default.yaml'));
    await symlink(join(folder, 'elsewhere.txt'), join(folder, 'environments/default.yaml'));
    await expect(loadConfiguration(folder)).resolves.toBeDefined();
  });

  test('a byte order mark and Windows line ends change nothing', async () => {
    await write({
      'agents/helper.yaml': `\uFEFF${good['agents/helper.yaml'].replaceAll('\n', '\r\n')}`,
      'agents/helper.md': '\uFEFFHelp.\n',
    });
    expect((await loadConfiguration(folder)).agents.get('helper')?.system).toBe('Help.\n');
  });

  test('a %YAML 1.1 directive does not turn off into false', async () => {
    await edit('agents/helper.yaml', /^/, '%YAML 1.1\n---\n');
    await edit('agents/helper.yaml', 'write: ask', 'write: off');
    expect((await loadConfiguration(folder)).agents.get('helper')?.services['notes']?.write).toBe('off');
  });

  test('a billion laughs are refused before anybody laughs', async () => {
    const bomb = [
      'a: &a [x, x, x]',
      ...'bcdefghi'.split('').map((name, index) => `${name}: &${name} [${`*${'abcdefghi'[index]},`.repeat(9)}]`),
    ];
    await write({ 'environments/default.yaml': `${bomb.join('\n')}\n` });
    const lines = await mistakes();
    expect(lines).toContain(
      'config/environments/default.yaml:1:7: anchors are not read here: leave out the word that starts with &',
    );
    expect(lines.some((line) => /aliases are not read here/.test(line))).toBe(true);
  });

  test('a system prompt longer than the platform takes is refused', async () => {
    await write({ 'agents/helper.md': 'x'.repeat(100_001) });
    expect((await mistakes())[0]).toMatch(/helper\.yaml:2:17 system\.file: .* is longer than 100000 characters/);
    await edit('agents/helper.yaml', '{ file: helper.md }', `"${'x'.repeat(100_001)}"`);
    expect((await mistakes())[0]).toMatch(/system: got "x+…", expected at most 100000 characters/);
  });

  test('a missing interface.yaml names the command that writes one', async () => {
    await rm(join(folder, 'interface.yaml'));
    expect(await mistakes()).toEqual([
      'config/interface.yaml: there is no such file; setup-session init writes one to start from',
    ]);
  });

  test('a missing file of rules is no matter of that command, which writes none', async () => {
    const configuration = await loadConfiguration(folder);
    const read = loadRuleFile(join(folder, 'nowhere.yaml'), configuration);
    await expect(read).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringMatching(/no such file$/),
    });
  });

  test('a missing folder is another error, with the command that writes one', async () => {
    await expect(loadConfiguration(join(folder, 'nowhere'))).rejects.toMatchObject({
      code: 'config_missing',
      hint: expect.stringContaining('setup-session init'),
    });
    await expect(loadConfiguration(join(folder, 'interface.yaml'))).rejects.toMatchObject({ code: 'config_missing' });
  });

  test('a file that cannot be read does not hide the others', async () => {
    await rm(join(folder, 'agents/helper.md'));
    await mkdir(join(folder, 'agents/helper.md'));
    await edit('interface.yaml', 'read: on', 'read: yes');
    expect(await mistakes()).toHaveLength(3);
  });
});

describe('limits of the platform', () => {
  test('the twenty-first service of an agent is refused', async () => {
    const names = Array.from({ length: 21 }, (_, index) => `s${index}`);
    for (const name of names) {
      await write({
        [`services/${name}.yaml`]: good['services/notes.yaml'].replaceAll('mcp.example.com', `${name}.example.com`),
      });
    }
    await edit('agents/helper.yaml', '  notes: { write: ask }\n', names.map((name) => `  ${name}: {}\n`).join(''));
    expect(await mistakes()).toEqual([
      'config/agents/helper.yaml:4:3 services: expected at most 20 services: an agent takes no more MCP servers',
    ]);
  });

  test.each([
    [127, 'off', []],
    [128, 'off', ['turn 1 off, such as tool-126 of notes']],
    [125, 'ask', []],
    [126, 'ask', ['turn 1 off, such as drop of notes']],
    [
      138,
      'ask',
      [
        'turn 13 off, such as drop, add, tool-136, tool-135, tool-134, tool-133, tool-132, tool-131 of notes and 5 more',
      ],
    ],
  ])(
    '%d tools that read with write %s and one built-in tool: what to leave out is said',
    async (count, write, expected) => {
      const tools = Array.from({ length: count - 1 }, (_, index) => `tool-${index}`);
      await edit('services/notes.yaml', '[look, find]', `[look, ${tools.join(', ')}]`);
      await edit('agents/helper.yaml', 'write: ask', `write: ${write}`);
      const found = expected.map(
        (said) =>
          `config/agents/helper.yaml:3:1 services: ${count + (write === 'ask' ? 3 : 1)} tools are enabled and an agent takes at most 128: ${said}; or split the agent`,
      );
      expect(await mistakes()).toEqual(found);
    },
  );

  test('a tool that is off does not count', async () => {
    const tools = Array.from({ length: 127 }, (_, index) => `tool-${index}`);
    await edit('services/notes.yaml', '[look, find]', `[look, ${tools.join(', ')}]`);
    await edit('agents/helper.yaml', 'write: ask', 'write: off, tools: { tool-3: off }');
    expect(await mistakes()).toEqual([]);
  });
});

test.each(['https://mcp.example.com/mcp/', 'https://mcp.example.com/mcp//'])(
  'two services whose servers are one to the platform are refused: %s',
  async (url) => {
    await write({ 'services/other.yaml': good['services/notes.yaml'].replace('https://mcp.example.com/mcp', url) });
    expect(await mistakes()).toEqual([
      `config/services/other.yaml:1:17 mcp_server_url: got "${url}", which is the server of services/notes.yaml: a vault keeps one credential per server`,
    ]);
  },
);

test('services on one host with different paths are different', async () => {
  await write({ 'services/other.yaml': good['services/notes.yaml'].replace('.com/mcp', '.com/MCP') });
  expect(await mistakes()).toEqual([]);
});

test('an unknown service or agent is answered with the nearest names', async () => {
  const configuration = await loadConfiguration(folder);
  expect(serviceNamed(configuration, 'notes').name).toBe('notes');
  expect(agentNamed(configuration, 'helper').name).toBe('helper');
  expect(() => serviceNamed(configuration, 'note')).toThrow(
    expect.objectContaining({ code: 'unknown_service', hint: 'did you mean "notes"?' }),
  );
  expect(() => agentNamed(configuration, 'zzzzzzz')).toThrow(
    expect.objectContaining({ code: 'unknown_agent', hint: 'known are: "helper"' }),
  );
  expect(() => agentNamed(configuration, 'constructor')).toThrow(expect.objectContaining({ code: 'unknown_agent' }));
});

async function write(files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

async function edit(file: string, from: string | RegExp, to: string): Promise<void> {
  const text = await readFile(join(folder, file), 'utf8');
  expect(text).toMatch(from);
  await write({ [file]: text.replace(from, () => to) });
}

/** The lines of the one error, with the folder as a person would name it; empty when there is none. */
async function mistakes(): Promise<string[]> {
  try {
    await loadConfiguration(folder);
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(error.code).toBe('config_invalid');
    return error.message
      .split('\n')
      .map((line) => (line.startsWith(folder) ? `config${line.slice(folder.length)}` : line));
  }
}
