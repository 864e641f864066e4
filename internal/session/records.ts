/**
 * What was meant by each session: one record per workspace and attempt. Nobody with the workspace key alone can change it,
 * unlike the metadata of the session. It is held until the run which asked for the session has told its person how that
 * ended: what is held, and by nobody who runs, was cut off.
 */
import { clock } from '../clock/clock.ts';
import type { Principal } from '../identity/principal.ts';
import type { KeptText, KeptTexts, Workspace } from '../stores/kept-text.ts';
import { quote } from '../text/quote.ts';
import { recordIn } from '../text/record.ts';
import { agentIdOf, type Facts, parseFacts } from './facts.ts';

/** The records of one workspace, as one person sees them. */
export interface SessionRecords {
  /** Keeps what is meant, before it is asked for. From then on the attempt is unsettled. Throws `file_system`. */
  keep(attempt: string, facts: Facts): Promise<Pick<UnsettledAttempt, 'settle'>>;
  /** This person's attempts whose runs were cut off. Those of runs that go on are left out. Throws `file_system`. */
  unsettled(): Promise<UnsettledAttempt[]>;
  /** Undefined where it was not started from here. Throws `file_system` where somebody else could have written it. */
  read(attempt: string): Promise<Facts | undefined>;
}

/** An attempt at a session whose person does not know yet how it ended. */
export interface UnsettledAttempt {
  attempt: string;
  agentId: string;
  /** When what is meant was kept, in RFC 3339. */
  at: string;
  /** The person was told. */
  settle(): Promise<void>;
}

/** What records need of a run. */
export interface RecordPlace {
  sessions: KeptTexts;
  workspace: Workspace;
  principal: Principal;
  signal: AbortSignal;
  warn(text: string): void;
}

const recordVersion = 1;

/** What was meant by sessions, for whoever only reads that. */
export function meantIn({
  sessions,
  workspace,
  warn,
}: Pick<RecordPlace, 'sessions' | 'workspace' | 'warn'>): Pick<SessionRecords, 'read'> {
  return {
    read: async (attempt) => (await readRecord(sessions.at({ workspace, name: attempt }), warn))?.facts,
  };
}

async function readRecord(kept: KeptText, warn: RecordPlace['warn']): Promise<SessionRecord | undefined> {
  const text = await kept.read();
  const record = text === undefined ? undefined : parseRecord(text);
  if (text !== undefined && record === undefined) {
    warn(`the record of a session cannot be read and is not used: ${quote(kept.where)}`);
  }
  return record;
}

export function sessionRecordsIn({ sessions, workspace, principal, signal, warn }: RecordPlace): SessionRecords {
  const keptFor = (attempt: string) => sessions.at({ workspace, name: attempt });
  // As in the facts of a session.
  const owner = JSON.stringify([principal.kind, principal.issuer, principal.subject]);
  /** Undefined where a run that goes on holds it. */
  const hold = async (kept: KeptText, { attempt = '', at = '', agentId }: Omit<SessionRecord, 'facts'>) => {
    const held = await kept.hold({ signal, waitMs: 0 });
    return 'release' in held ? { attempt, agentId, at, settle: held.release } : undefined;
  };
  return {
    async keep(attempt, facts) {
      const record = { record_version: recordVersion, attempt, at: clock.now().toISOString(), facts };
      const kept = keptFor(attempt);
      // Nobody is asked for anything before both are there: which of them comes first says nothing.
      const [written, held] = await Promise.allSettled([
        kept.write(`${JSON.stringify(record)}\n`),
        hold(kept, { ...record, agentId: agentIdOf(facts) }),
      ]);
      if (held.status === 'rejected') throw held.reason;
      if (written.status === 'fulfilled') return held.value ?? { settle: async () => {} };
      await held.value?.settle();
      throw written.reason;
    },
    async unsettled() {
      const found: UnsettledAttempt[] = [];
      for (const kept of await sessions.held()) {
        const record = await readRecord(kept, warn);
        // Those of another workspace are kept elsewhere.
        if (record?.attempt === undefined || keptFor(record.attempt).where !== kept.where) continue;
        if (!record.facts.owner.includes(owner)) continue;
        const held = await hold(kept, record);
        if (held !== undefined) found.push(held);
      }
      return found;
    },
    read: meantIn({ sessions, workspace, warn }).read,
  };
}

/** The first ones had neither attempt nor time. */
interface SessionRecord {
  facts: Facts;
  agentId: string;
  attempt: string | undefined;
  at: string | undefined;
}

function parseRecord(text: string): SessionRecord | undefined {
  const { record_version: version, attempt, at, facts: lines } = recordIn(text) ?? {};
  const facts = version === recordVersion ? parseFacts(lines) : undefined;
  if (facts === undefined) return undefined;
  try {
    return { facts, agentId: agentIdOf(facts), attempt: textOr(attempt), at: textOr(at) };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function textOr(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
