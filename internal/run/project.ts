/** What every command of a person starts from: the configuration, who is operating, and the platform. */
import type { SignInOf } from '../approval/judge-call.ts';
import type { Configuration, Requirement } from '../config/definitions.ts';
import { reviewedHosts } from '../config/hosts.ts';
import { loadConfiguration } from '../config/load.ts';
import { inWorkspace, type NamedWorkspace } from '../config/workspace.ts';
import { type Journals, journalsIn } from '../connection/journal/journals.ts';
import { type RefreshFailures, refreshFailuresOf } from '../connection/refresh-failures.ts';
import { AppError } from '../errors/app-error.ts';
import { called } from '../identity/last-person.ts';
import type { Principal } from '../identity/principal.ts';
import type { Proof } from '../identity/proof.ts';
import { beginProof } from '../identity/prove.ts';
import { stepUp } from '../identity/step-up.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import { requireOwnFolder } from '../outside/trusted-file.ts';
import type { Delegation } from '../platform/change.ts';
import type { Platform } from '../platform/client.ts';
import { type SessionRecords, sessionRecordsIn } from '../session/records.ts';
import type { KeptTexts, Workspace } from '../stores/kept-text.ts';
import { quote } from '../text/quote.ts';
import { vaultMemory } from '../vault/memory.ts';
import type { Ownership, VaultMemory } from '../vault/resolve.ts';
import { actorOf, delegationOf } from './actor.ts';
import { browserVisit } from './browser-visit.ts';
import { handedToken, tokenPlaces } from './job-token.ts';
import { ownershipOf } from './ownership.ts';
import { locateProject } from './place.ts';
import { prepareFromEnvironment } from './platform.ts';
import { type Ports, yesWithin } from './ports.ts';
import { signInsAtStart } from './sign-in-at-start.ts';
import { signInKeeping } from './sign-in-place.ts';
import type { TrustedConfiguration } from './trusted-configuration.ts';
import { workspaceOf } from './workspace.ts';

/** A command's run after the person is known. */
export interface OperatorRun {
  configuration: TrustedConfiguration;
  principal: Principal;
  /** Whether the person has just signed in, and was not known by a sign-in that was kept. */
  signedInNow: boolean;
  platform: Platform;
  memory: VaultMemory;
  ownership: Ownership | undefined;
  warn(text: string): void;
  journals: Journals;
  sessionRecords: SessionRecords;
  /** Yeses to calls that wait for another one. */
  approvals: KeptTexts;
  /** How often rules have said yes. */
  quotas: KeptTexts;
  /** How whoever started a session had signed in, as the record of this machine says it. */
  signInOf: SignInOf;
  refreshFailures: RefreshFailures;
  workspace: Workspace;
  visit: BrowserVisit;
  /** The same run for somebody else whom this person may act for: what is remembered, recorded and allowed is theirs. */
  as(principal: Principal, delegation: Delegation): OperatorRun;
}

/** What a command needs of the configuration. */
export interface ProjectNeeds {
  /** `any` for what is the same in all of them: then none has to be chosen of several. */
  workspace?: 'any';
}

/** The configuration of a run. One that was found and not named counts when a person has confirmed whom it believes. */
export async function loadProject(ports: Ports, needs: ProjectNeeds = {}): Promise<TrustedConfiguration> {
  const { configuration, found } = await readProject(ports, needs);
  if (found) {
    const { requireConfirmed } = await import('./confirm-project.ts');
    await requireConfirmed(ports, configuration);
  }
  return configuration as TrustedConfiguration;
}

/** The configuration of a run that believes nothing of it and starts no program that it names. */
export async function readProject(
  ports: Ports,
  { workspace }: ProjectNeeds = {},
): Promise<{ configuration: Configuration; found: boolean }> {
  if (ports.project.read !== undefined) {
    return { configuration: chosen(ports, ports.project.read, workspace), found: false };
  }
  const { folder, source, found } = await locateProject(ports);
  ports.tell.detail(`configuration ${quote(folder)}: ${source}`);
  const configuration = await loadConfiguration(folder, ports.besideServices);
  return { configuration: chosen(ports, configuration, workspace), found };
}

/** The configuration of the workspace that the run is in. */
function chosen(ports: Ports, configuration: Configuration, workspace: ProjectNeeds['workspace']): Configuration {
  const named = namedWorkspace(ports);
  return workspace === 'any' && named === undefined ? configuration : inWorkspace(configuration, named);
}

/** The workspace that a command line or else the environment names. */
export function namedWorkspace({ project, environment }: Ports): NamedWorkspace | undefined {
  if (project.workspace !== undefined) return { name: project.workspace, said: '--workspace' };
  const name = environment.MAI_WORKSPACE;
  return name === undefined ? undefined : { name, said: 'MAI_WORKSPACE' };
}

/** Begins to prove who is operating: what needs nobody runs beside what comes next. */
export async function beginOperatorProof(
  ports: Ports,
  { interface: { identity } }: Configuration,
  visit: BrowserVisit,
): Promise<Proof> {
  if (ports.proof !== undefined) return ports.proof;
  const { state } = await ports.directories();
  // What an earlier run left there is read later: who could have written it is settled before anybody is asked for anything.
  await requireOwnFolder(state);
  const { place, instead } = await signInKeeping(ports, identity);
  return await beginProof({
    identity,
    sudoUid: ports.environment.SUDO_UID,
    visit,
    place,
    keepInstead: instead,
    inCi: ports.environment.CI !== undefined || (await isUnattendedJob(ports, identity)),
    tokenPlaces: tokenPlaces(ports.environment),
    handed: handedToken(ports.environment),
    stores: await ports.stores(),
    stateFolder: state,
    confirm: yesWithin(ports, visit.timeoutMs),
  });
}

/**
 * Pods, and runners such as those of Jenkins, do not set CI: they are known by their token, where nobody sits who could sign in.
 * It only chooses the proof.
 */
async function isUnattendedJob(ports: Ports, identity: Configuration['interface']['identity']): Promise<boolean> {
  if (identity.mode !== 'sso' || identity.workloads === undefined || ports.ask !== undefined) return false;
  const { isTokenHere } = await import('../identity/workload-source.ts');
  const places = tokenPlaces(ports.environment);
  return (await Promise.all(identity.workloads.map((workload) => isTokenHere(workload, places)))).includes(true);
}

/** What some commands need beyond the others. */
export interface OperatorNeeds {
  /** Where the browser goes after the sign-in, instead of a page that only says how it ended. */
  returnTo?: URL;
  /** What the sign-in has to show beyond what the identity itself requires; asked of the platform where only that knows. */
  requirement?: Requirement | ((platform: Platform, first: Principal) => Promise<Requirement | undefined>) | undefined;
  /** Whether somebody is to be sent to a service: then it is said before as whom, also where the sign-in was kept. */
  opensService?: boolean;
}

/** Throws `usage` for a key of session tokens, or such a token, where there are none. */
function requireTokens({ descriptors }: Ports, { interface: { session_tokens: tokens } }: Configuration): void {
  const { tokenKey, parentToken } = descriptors;
  if (tokens !== undefined || (tokenKey === undefined && parentToken === undefined)) return;
  const flag = tokenKey === undefined ? '--parent-token-fd' : '--token-key-fd';
  throw new AppError('usage', `${flag} is of no use: the configuration has no session_tokens`, {
    hint: 'leave it out, or say who signs: docs/session-identity.md',
  });
}

/** Proves who is operating and opens the platform for them. Call it when the command line and configuration are known to be right. */
export async function openOperatorRun(
  ports: Ports,
  configuration: TrustedConfiguration,
  command: string,
  { returnTo, requirement, opensService = false }: OperatorNeeds = {},
): Promise<OperatorRun> {
  const ownership = ownershipOf(ports, configuration);
  requireTokens(ports, configuration);
  const visit = browserVisit(ports, command, reviewedHosts(configuration));
  const proof = await beginOperatorProof(ports, configuration, { ...visit, returnTo });
  // Before anybody is sent to a browser: without a key nothing could be done afterwards.
  const openFor = await prepareFromEnvironment(ports, configuration.interface.platform, configuration).catch(
    async (error) => {
      await proof.abandon();
      throw error;
    },
  );
  const known = typeof requirement === 'function' ? undefined : requirement;
  const first = await proof.prove({ requirement: known });
  const platform = openFor(actorOf(first.principal), delegationOf(first.principal, configuration));
  const proven =
    typeof requirement === 'function'
      ? await stepUp(proof, first, await requirement(platform, first.principal))
      : first;
  const { principal, source } = proven;
  if (principal.kind === 'sso' && (source === 'fresh' || opensService)) {
    ports.tell.note(`signed in as ${called(principal)}`);
  }
  ports.tell.detail(
    `operating as ${quote(principal.label)}: ${principal.kind} ${quote(principal.issuer)} ${quote(principal.subject)}`,
  );
  const stores = await ports.stores();
  const workspace = workspaceOf(ports, configuration);
  const { signal } = ports;
  const { warn } = ports.tell;
  const runOf = (whose: Principal, theirPlatform: Platform): OperatorRun => ({
    configuration,
    principal: whose,
    signedInNow: source === 'fresh',
    platform: theirPlatform,
    memory: vaultMemory(stores, workspace),
    ownership,
    journals: journalsIn({ journals: stores.journals, workspace, signal, warn }),
    sessionRecords: sessionRecordsIn({ sessions: stores.sessions, workspace, principal: whose, signal, warn }),
    approvals: stores.approvals,
    quotas: stores.quotas,
    signInOf: signInsAtStart(ports, workspace, configuration),
    refreshFailures: refreshFailuresOf(stores, workspace.address),
    workspace,
    visit: {
      ...visit,
      recorder: visit.recorder.as(actorOf(whose)),
      // Loaded where it is needed: most runs end without.
      atIdp: async () => (await import('./idp-sign-in.ts')).signInAtIdp(configuration, proof, proven),
    },
    warn,
    as: (other, delegation) => runOf(other, openFor(actorOf(other), delegation)),
  });
  return runOf(principal, platform);
}
