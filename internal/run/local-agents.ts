/**
 * Headers for agents on a person's own machine. Who they are, whether they were let go, and what they may is judged by each
 * call: by the console where there is one, which alone has the key of the platform, else here. Only then is looked for access.
 */
import { clock } from '../clock/clock.ts';
import type { Configuration, Requirement, Service } from '../config/definitions.ts';
import { reviewedHosts } from '../config/hosts.ts';
import { serviceNamed } from '../config/lookup.ts';
import type { KeptAccess } from '../connection/local/kept-access.ts';
import type { LocalAccessRequest } from '../connection/local/local-access.ts';
import { AppError } from '../errors/app-error.ts';
import { allOf, unmet } from '../identity/assurance.ts';
import type { Proof, Proven } from '../identity/proof.ts';
import { scopesWithin } from '../policy/local-agents.ts';
import type { KeptSecret } from '../stores/kept-secret.ts';
import { quote } from '../text/quote.ts';
import { actorOf } from './actor.ts';
import { browserVisit } from './browser-visit.ts';
import { commandFor, localService, requireAddress } from './local-service.ts';
import type { Ports } from './ports.ts';
import { beginOperatorProof, loadProject } from './project.ts';
import { secretKeeping } from './sign-in-place.ts';
import type { TrustedConfiguration } from './trusted-configuration.ts';
import type { Allowed, AllowRequest, Ended, EndRequest, Headers, HeadersRequest } from './values/headers.ts';
import { workspaceOf } from './workspace.ts';

export async function giveHeaders(request: HeadersRequest, given: Ports): Promise<Headers> {
  const configuration = await loadProject(given);
  const service = serviceAsked(configuration, request, given);
  const ports: Ports = { ...given, ask: undefined };
  const access = await judged(service, configuration, ports, neverAsking).catch(async (error: unknown) => {
    if (error instanceof AppError && error.code === 'offboarded') await endQuietly(service, configuration, ports);
    throw error;
  });
  const { localToken } = await import('../connection/local/local-token.ts');
  const token = await localToken(access).catch((error: unknown) => {
    // What would be asked of the person is said to whoever starts the agent.
    if (!(error instanceof AppError) || error.code !== 'assurance_missing') throw error;
    throw betterSignInNeeded(service, error.message);
  });
  return { Authorization: `Bearer ${token.reveal()}` };
}

export async function allowLocalAgents(request: AllowRequest, ports: Ports): Promise<Allowed> {
  const { expectAccount: expected, acceptAccount: accepted } = request;
  const configuration = await loadProject(ports);
  const service = localService(configuration, request.service);
  const { checkAccountFlags } = await import('../connection/account/confirm-account.ts');
  const { checkSecretIsOfUse } = await import('../connection/client/enter-client.ts');
  checkAccountFlags(service, { expected, accepted });
  if (ports.descriptors.clientSecret !== undefined) checkSecretIsOfUse(service);
  // What another program hands over is read before anything is started.
  const clients = await clientsFor(service, ports);
  const access = { ...(await judged(service, configuration, ports, asking)), clients: async () => clients };
  const { allowLocalAccess } = await import('../connection/local/local-token.ts');
  const { kind, issuer, subject } = access.principal;
  const allowed = await allowLocalAccess({ ...access, accountFlags: { expected, accepted } });
  return {
    service: service.name,
    source: allowed.source,
    account: allowed.account ?? null,
    scopes: [...allowed.scopes],
    expires_at: allowed.expiresAt?.toISOString() ?? null,
    renewable: allowed.source === 'idp' || allowed.refreshToken !== undefined,
    owner: { kind, issuer, subject },
    beside: { title: service.title ?? service.name, label: access.principal.label },
  };
}

export async function endLocalAccess({ service: name }: EndRequest, ports: Ports): Promise<Ended> {
  const configuration = await loadProject(ports);
  const service = serviceNamed(configuration, name);
  const access = await endKept(service, configuration, ports);
  return { service: name, access, beside: { title: service.title ?? name } };
}

async function endKept(service: Service, configuration: Configuration, ports: Ports) {
  const place = await placeOf(service, configuration, ports);
  if (place === undefined) return 'none';
  const visit = browserVisit(ports, commandFor(service.name), reviewedHosts(configuration));
  const workspace = workspaceOf(ports, configuration);
  const { localAccess } = await ports.stores();
  const turnOf = (person: KeptAccess['person']) => localAccess.at({ workspace, person, name: service.mcp_server_url });
  const { endAccessInTurn } = await import('../connection/local/obtain-access.ts');
  return await endAccessInTurn({ service, visit, place, turnOf });
}

/** Whoever was let go keeps no way in either, as far as that lies here: whatever becomes of it, they are refused. */
async function endQuietly(service: Service, configuration: Configuration, ports: Ports): Promise<void> {
  try {
    const ended = await endKept(service, configuration, ports);
    if (ended !== 'none') ports.tell.warn(`the access of local agents to ${service.name} was taken away: ${ended}`);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    ports.tell.warn(`the access of local agents to ${service.name} is still in its place: ${error.message}`);
  }
}

/**
 * The service that an agent asks for: named on the command line, or by the agent in the environment. Where the agent says which
 * server it is about to send the header to, that is the one of the catalogue, byte for byte. Throws `usage`, `unknown_service`
 * and `not_allowed`.
 */
function serviceAsked(
  configuration: Configuration,
  { service: named }: HeadersRequest,
  { environment }: Ports,
): Service {
  const { CLAUDE_CODE_MCP_SERVER_NAME: name, CLAUDE_CODE_MCP_SERVER_URL: url } = environment;
  if (name === undefined && url === undefined) {
    if (named !== undefined) return localService(configuration, named);
    throw new AppError('usage', 'the headers of which service? None was named', {
      hint: 'service-connection headers <service>; Claude Code names it in CLAUDE_CODE_MCP_SERVER_NAME',
    });
  }
  if (name === undefined || url === undefined) {
    throw new AppError('not_allowed', 'the agent says only half of which server it asks for', {
      hint: 'CLAUDE_CODE_MCP_SERVER_NAME and CLAUDE_CODE_MCP_SERVER_URL belong together',
    });
  }
  if (named !== undefined && named !== name) {
    throw new AppError('not_allowed', `the agent asks for its server ${quote(name)}, and not for ${quote(named)}`, {
      hint: `give the server the name of its service: service-connection headers --install ${named}`,
    });
  }
  const service = localService(configuration, name);
  requireAddress(service, url);
  return service;
}

/** How somebody is proven here: whether anybody is asked for anything. */
type Asking = (proof: Proof, service: Service, configuration: Configuration) => { proof: Proof; again: SignInAgain };
type SignInAgain = ((requirement: Requirement) => never) | undefined;

/** Nobody is: what is kept counts, or what the agent hands over. */
const neverAsking: Asking = (proof, service, { interface: { identity } }) => {
  const proving = proof.prove({ sign: 'never', command: commandFor(service.name) });
  proving.catch(() => {});
  return {
    proof: {
      abandon: proof.abandon,
      async prove({ requirement, sign } = {}) {
        const proven = await proving;
        if (sign === 'always') throw betterSignInNeeded(service, 'it has ended at the provider');
        if (identity.mode !== 'sso' || proven.principal.kind !== 'sso') return proven;
        const { assurance = { acr: undefined, amr: [], authTime: undefined } } = proven.principal;
        const why = unmet(assurance, allOf([identity.require, requirement]), clock.now());
        if (why !== undefined) throw betterSignInNeeded(service, why);
        return proven;
      },
    },
    again: ({ acr }) => {
      const wanted =
        acr === undefined ? 'the identity provider wants another one' : `it wants ${acr.map(quote).join()}`;
      throw betterSignInNeeded(service, wanted);
    },
  };
};

/** The person signs in where that is missing, or not enough. */
const asking: Asking = (proof, service) => {
  const first = once(() => proof.prove({ requirement: service.require }));
  let before: Proven | undefined;
  return {
    proof: {
      abandon: proof.abandon,
      async prove({ requirement, sign } = {}) {
        before ??= await first();
        const { assurance } = before.principal;
        const isEnough =
          requirement === undefined || (assurance && unmet(assurance, requirement, clock.now()) === undefined);
        if (sign !== 'always' && isEnough) return before;
        // Whatever asks for another sign-in, it has to do for the service as well.
        const wanted = allOf([service.require, requirement]);
        before = await proof.prove({ requirement: wanted, ...(sign !== undefined && { sign }) });
        return before;
      },
    },
    again: undefined,
  };
};

function betterSignInNeeded({ name }: Service, why: string): AppError {
  return new AppError('sign_in_needed', `the sign-in is not enough for ${quote(name)}: ${why}`, {
    hint: `run: ${commandFor(name)}`,
  });
}

/** Proves the person, has it judged what they may, and says where their access is. */
async function judged(
  service: Service,
  configuration: TrustedConfiguration,
  given: Ports,
  how: Asking,
): Promise<LocalAccessRequest> {
  const command = commandFor(service.name);
  const visit = browserVisit(given, command, reviewedHosts(configuration));
  const place = await placeOf(service, configuration, given);
  const begun = await beginOperatorProof(given, configuration, visit);
  const { proof, again } = how(begun, service, configuration);
  // The configuration is read; who it is for is proven once, here or at the console.
  const ports: Ports = { ...given, proof, project: { ...given.project, read: configuration } };
  const { reach } = await judgedWhereItBelongs(service, configuration, ports);
  const proven = await proof.prove();
  const { principal } = proven;
  const sources = (service.local_agents ?? []).filter((source) => source === 'grant' || principal.kind === 'sso');
  const workspace = workspaceOf(given, configuration);
  const { localAccess } = await given.stores();
  return {
    service,
    principal,
    sources,
    scopes: scopesWithin(service, reach),
    scopeChoice: { kind: reach },
    place,
    turn: localAccess.at({ workspace, person: principal, name: service.mcp_server_url }),
    visit: {
      ...visit,
      recorder: visit.recorder.as(actorOf(principal)),
      atIdp: async () => {
        const { signInAtIdp } = await import('./idp-sign-in.ts');
        const signIn = signInAtIdp(configuration, begun, proven);
        return again === undefined ? signIn : { ...signIn, again };
      },
    },
    clients: async () => await clientsFor(service, given),
    command,
    detail: given.tell.detail,
  };
}

/** Where there is a console it judges, and nobody else: without an answer of it there is no header. */
async function judgedWhereItBelongs(service: Service, configuration: Configuration, ports: Ports) {
  const request = { service: service.name, url: service.mcp_server_url };
  const { judgeLocalAgent } = await import('./use-cases/judge-local-agent.ts');
  if (configuration.interface.console === undefined) return await judgeLocalAgent(request, ports);
  if (ports.atConsole === undefined) throw new AppError('bug', 'a console is named, and nobody asks it');
  // What another program hands over is for a service, and stays here.
  return await ports.atConsole(judgeLocalAgent, request, { ...ports, descriptors: {} });
}

/** Where access is kept, which is looked at while the person is proven. */
async function placeOf(service: Service, { interface: { identity } }: Configuration, ports: Ports) {
  const whose = identity.mode === 'sso' ? identity.issuer : identity.mode;
  const place = await secretKeeping(
    ports,
    identity,
    `access of local agents to ${service.mcp_server_url}, by ${whose}`,
  );
  return place && readEarly(place);
}

/** Looks at once, for whoever reads first. */
function readEarly(place: KeptSecret): KeptSecret {
  let early = place.asks ? undefined : place.read();
  early?.catch(() => {});
  return {
    ...place,
    read() {
      const reading = early ?? place.read();
      early = undefined;
      return reading;
    },
  };
}

/** A client that registered itself is one of its own: what ends here ends nothing in a vault. */
async function clientsFor({ authorization }: Service, ports: Ports) {
  const { clientSource } = await import('./client-source.ts');
  const isShared = authorization.client_id !== undefined;
  return await clientSource({
    ...ports,
    async secrets() {
      const secrets = await ports.secrets();
      return isShared || secrets === undefined ? secrets : (account) => secrets(`${account}, for local agents`);
    },
  });
}

function once<Thing>(begin: () => Promise<Thing>): () => Promise<Thing> {
  let begun: Promise<Thing> | undefined;
  return () => {
    begun ??= begin();
    return begun;
  };
}
