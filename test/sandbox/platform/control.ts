import type { BetaManagedAgentsSession } from '@anthropic-ai/sdk/resources/beta/sessions/sessions';
import type { Clock } from '../clock.ts';
import { createFaults, type Faults, matchesRequest, type RequestLine, type RequestPattern } from '../faults.ts';
import { Collection } from './collection.ts';
import type { Secrets } from './credential-auth.ts';
import type { SessionEvent } from './event.ts';
import type { FederationRule, RuleOptions } from './federation-rule.ts';
import { newId } from './identifier.ts';
import type { Metadata } from './metadata.ts';
import type { RequestLog } from './request-log.ts';
import type { Session } from './session.ts';
import type { TokenExchange } from './token-exchange.ts';
import { addVault } from './vault.ts';
import type { Workspace } from './workspace.ts';

/** Changes a JSON answer on its way out. May change its argument, or return something else. */
type Tampering = (json: unknown, request: RequestLine) => unknown;

/** Replaces a file on its way out. */
type FileTampering = (bytes: Uint8Array, request: RequestLine) => Uint8Array;

/** How vaults are seeded. */
interface Seeding {
  workspaceId?: string;
  metadata?: (index: number) => Metadata;
  displayName?: (index: number) => string;
}

/** Looks behind the API. The real platform has nothing like it; only tests and demos may use it. */
interface Peek {
  /** The secrets that a credential holds, empty once it is archived; undefined when there is no such credential. */
  secrets(credentialId: string): Readonly<Secrets> | undefined;
  /** The text of a file of a skill version; undefined when there is no such version or file. */
  skillFile(versionId: string, path: string): string | undefined;
  /** Every session of every workspace, archived ones too, in the order of creation. */
  sessions(): BetaManagedAgentsSession[];
}

/** The strings that tests, demos and benches pull; none of them is part of the API. */
export interface PlatformControl {
  readonly clock: Clock;
  readonly faults: Faults;
  readonly log: RequestLog;
  readonly peek: Peek;
  /** How long every request waits before it is looked at, in milliseconds. */
  latencyMs: number;
  /** Changes the JSON answers to matching requests until the returned function is called. */
  tamper(on: RequestPattern, change: Tampering): () => void;
  /** Replaces the files that answer matching requests until the returned function is called. */
  tamperFile(on: RequestPattern, change: FileTampering): () => void;
  /** Creates vaults at once, without HTTP, and returns their ids in the order of creation. */
  seedVaults(count: number, seeding?: Seeding): string[];
  /** Adds events to a session or to one of its threads, as the platform would, of whatever types; returns their ids. */
  addEvents(sessionId: string, events: readonly object[], threadId?: string): string[];
  /** Gives a session a thread of a sub-agent; returns its id. */
  addThread(sessionId: string, thread: { agent: object; parent_thread_id?: string | null }): string;
  /** Adds a rule for CI jobs without a key, as somebody does in the Console. */
  federate(rule: RuleOptions): FederationRule;
  /** Ends every token that CI jobs were given, long before its time. */
  revokeTokens(): void;
  /** Removes faults, tampering, latency and the log. What the platform stores stays. */
  reset(): void;
}

/** The parts of the control that the server needs as well. */
export interface ControlParts {
  clock: Clock;
  log: RequestLog;
  workspaces: readonly Workspace[];
  tokenExchange: TokenExchange;
}

/** Creates the control, and the functions that apply the tampering to an answer. */
export function createControl({ clock, log, workspaces, tokenExchange }: ControlParts): {
  control: PlatformControl;
  tampered: (json: unknown, request: RequestLine) => unknown;
  tamperedFile: FileTampering;
} {
  const tamperings = new Set<{ on: RequestPattern; change: Tampering }>();
  const fileTamperings = new Set<{ on: RequestPattern; change: FileTampering }>();
  const faults = createFaults();
  const control: PlatformControl = {
    clock,
    log,
    faults,
    latencyMs: 0,
    peek: peekInto(workspaces),
    tamper(on, change) {
      const tampering = { on, change };
      tamperings.add(tampering);
      return () => tamperings.delete(tampering);
    },
    tamperFile(on, change) {
      const tampering = { on, change };
      fileTamperings.add(tampering);
      return () => fileTamperings.delete(tampering);
    },
    seedVaults(count, seeding = {}) {
      const { workspaceId, metadata = foreignOwner, displayName = (index) => `Seeded vault ${index}` } = seeding;
      const workspace = workspaces.find(({ id }) => workspaceId === undefined || id === workspaceId);
      if (workspace === undefined) throw new RangeError(`no workspace ${workspaceId}`);
      return Array.from({ length: count }, (_, index) => addVault(workspace, displayName(index), metadata(index)).id);
    },
    addEvents(sessionId, events, threadId) {
      const session = sessionIn(workspaces, sessionId);
      const history = threadId === undefined ? session.history : session.threads.find(threadId)?.history;
      if (history === undefined) throw new RangeError(`no thread ${threadId}`);
      const stamped = events.map((event) => ({ id: newId('sevt'), processed_at: clock.timestamp(), ...event }));
      for (const event of stamped) history.add(event as unknown as SessionEvent);
      return stamped.map(({ id }) => id);
    },
    addThread(sessionId, { agent, parent_thread_id = 'sthr_primary' }) {
      const session = sessionIn(workspaces, sessionId);
      const id = newId('sthr');
      const shown = { id, type: 'session_thread', session_id: session.id, parent_thread_id, agent, status: 'idle' };
      session.threads.add({ id, shown, history: new Collection() });
      return id;
    },
    federate: (rule) => tokenExchange.addRule(rule),
    revokeTokens: () => tokenExchange.revokeAll(),
    reset() {
      faults.clear();
      tamperings.clear();
      fileTamperings.clear();
      control.latencyMs = 0;
      log.reset();
    },
  };
  return {
    control,
    tampered: (json, request) => {
      let changed = json;
      for (const { on, change } of tamperings) {
        if (!matchesRequest(on, request)) continue;
        const copy = structuredClone(changed);
        const other = change(copy, request);
        changed = other === undefined ? copy : other;
      }
      return changed;
    },
    tamperedFile: (bytes, request) =>
      [...fileTamperings].reduce(
        (file, { on, change }) => (matchesRequest(on, request) ? change(file, request) : file),
        bytes,
      ),
  };
}

/** Documented: metadata is the way to say whose vault it is; these belong to nobody who signs in. */
function foreignOwner(index: number): Metadata {
  return { external_user_id: `seeded-user-${index}` };
}

function sessionIn(workspaces: readonly Workspace[], id: string): Session {
  for (const { sessions } of workspaces) {
    const found = sessions.find(id);
    if (found !== undefined) return found.session;
  }
  throw new RangeError(`no session ${id}`);
}

function peekInto(workspaces: readonly Workspace[]): Peek {
  return {
    secrets: (credentialId) => {
      for (const { vaults } of workspaces) {
        for (const { credentials } of vaults) {
          const credential = credentials.find(credentialId);
          if (credential !== undefined) return { ...credential.secrets };
        }
      }
      return undefined;
    },
    skillFile: (versionId, path) => {
      for (const { skills } of workspaces) {
        for (const { versions } of skills) {
          const bytes = versions.find(versionId)?.files.get(path);
          if (bytes !== undefined) return Buffer.from(bytes).toString('utf8');
        }
      }
      return undefined;
    },
    sessions: () => workspaces.flatMap(({ sessions }) => [...sessions].map(({ session }) => session.shown())),
  };
}
