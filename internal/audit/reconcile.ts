/**
 * What is on the platform and was not done by an act of ours: everything there is asked for once and held against the
 * records. What is older than the records, was deleted, or left no trace is said not to be known, and is no alarm.
 */
import { inParallel } from '../async/in-parallel.ts';
import type { Platform } from '../platform/client.ts';
import { unlessMissing } from '../platform/live.ts';
import type { EventAnswer, Session } from '../platform/sessions.ts';
import type { Vault } from '../platform/vaults.ts';
import { attemptKey } from '../session/intent.ts';
import { identityMark } from '../session-token/identity-vault.ts';
import { quote } from '../text/quote.ts';
import { creationMark, ownerOf } from '../vault/owner.ts';
import type { Explained, OurSession, Sent } from './explained.ts';
import { findLostSessions } from './pull.ts';
import type { Span } from './spans.ts';

/** What an alarm is about. */
export type AlarmKind =
  | 'session'
  | 'vault_use'
  | 'vault'
  | 'credential'
  | 'archived'
  | 'answer'
  | 'message'
  | 'interrupt'
  | 'call'
  | 'span';

/** Something that no act in the records explains. */
export interface Alarm {
  kind: AlarmKind;
  /** In words, harmless in a terminal. */
  what: string;
  /** The ids, times and claims by which somebody can look for themselves: text from outside. */
  evidence: Readonly<Record<string, string>>;
}

/** What came of it. */
export interface Reconciled {
  alarms: Alarm[];
  looked: Record<'sessions' | 'vaults' | 'credentials' | 'events' | 'spans', number>;
  /** What is there and older than the records. */
  older: Record<'sessions' | 'vaults' | 'credentials', number>;
  /** Sessions that the records have and the platform has not. */
  gone: string[];
  /** Spans of reading, and those that name no session, or one that was begun before its trace was kept. */
  unjudged: number;
}

/** What a reconciliation is made of. */
export interface ReconcileRequest {
  platform: Platform;
  explained: Explained;
  spans: AsyncIterable<Span> | undefined;
  /** So many of its steps are done, and what the next one does. */
  onStep(done: number, of: number, what: string): void;
}

const atOnce = 8;
/** A credential whose create had no answer came into being about when it was asked for. */
const lostWithinMs = 600_000;

/** Asks for everything and judges it. Throws a `PlatformError`, or what reading the spans throws. */
export async function reconcile(request: ReconcileRequest): Promise<Reconciled> {
  const { platform, explained, spans, onStep } = request;
  const found: Reconciled = {
    alarms: [],
    looked: { sessions: 0, vaults: 0, credentials: 0, events: 0, spans: 0 },
    older: { sessions: 0, vaults: 0, credentials: 0 },
    gone: [],
    unjudged: 0,
  };
  onStep(0, 3, 'every vault and credential is looked at');
  await findLostSessions(platform, explained);
  const vaults = await judgeVaults(request, found);
  onStep(1, 3, 'every session is looked at');
  const { ours, others } = await judgeSessions(request, found, vaults);
  onStep(2, 3, 'what was sent to our sessions is looked at');
  await inParallel(ours, atOnce, (session) => judgeEvents(request, found, session));
  found.gone = [...explained.sessions.keys()].filter((id) => !ours.includes(id)).sort();
  for (const call of explained.wider) {
    const { session, call: id, service, tool, permission, delegation, happened } = call;
    const what = `${quote(session)} called ${quote(`${service}/${tool}`)} unasked, and our verdict was ${delegation?.verdict ?? 'off'}`;
    found.alarms.push({ kind: 'call', what, evidence: { session, call: id, at: happened, permission } });
  }
  if (spans !== undefined) await judgeSpans(request, found, spans, others);
  return found;
}

/** Whether something is older than the records; what does not say when it was made is not. */
function isOlder(at: string, { began }: Explained): boolean {
  return Date.parse(at) < Date.parse(began);
}

/** Gives those that belong to somebody, with whom they name. */
async function judgeVaults(
  { platform, explained }: ReconcileRequest,
  found: Reconciled,
): Promise<ReadonlyMap<string, string>> {
  const owned = new Map<string, string>();
  const marks = new Set<string>();
  const live: Vault[] = [];
  for await (const vault of platform.vaults.list({ include_archived: true })) {
    found.looked.vaults += 1;
    const identity = identityMark(vault.metadata);
    const owner = (ownerOf(vault.metadata) ?? identity?.owner)?.subject;
    if (owner !== undefined) owned.set(vault.id, owner);
    const mark = creationMark(vault.metadata) ?? '';
    // A mark stands for the one vault whose create had no answer: whoever copies it is not explained by it.
    const known = explained.made.has(vault.id) || (explained.made.has(mark) && !marks.has(mark));
    if (!explained.made.has(vault.id)) marks.add(mark);
    const evidence = {
      vault: vault.id,
      created: vault.created_at,
      name: vault.display_name,
      owner: owner ?? '',
      ...(identity !== undefined && { tokens_of: identity.attempt }),
    };
    if (known || isOlder(vault.created_at, explained)) {
      if (!known) found.older.vaults += 1;
    } else
      found.alarms.push({ kind: 'vault', what: `the vault ${quote(vault.id)} was made by no act of ours`, evidence });
    judgeArchived('vault', vault, explained, found);
    if (vault.archived_at === null) live.push(vault);
  }
  await inParallel(live, atOnce, async ({ id: vault }) => {
    const lost = [...(explained.lostCredentials.get(vault) ?? [])];
    for await (const credential of platform.credentials.list(vault, { include_archived: true })) {
      found.looked.credentials += 1;
      const { id, created_at: created } = credential;
      judgeArchived('credential', credential, explained, found);
      if (explained.made.has(id)) continue;
      const near = lost.findIndex((at) => Math.abs(Date.parse(created) - Date.parse(at)) < lostWithinMs);
      if (near >= 0) lost.splice(near, 1);
      else if (isOlder(created, explained)) found.older.credentials += 1;
      else {
        const what = `the credential ${quote(id)} in the vault ${quote(vault)} was made by no act of ours`;
        const url = 'mcp_server_url' in credential.auth ? credential.auth.mcp_server_url : '';
        found.alarms.push({ kind: 'credential', what, evidence: { credential: id, vault, created, url } });
      }
    }
  });
  return owned;
}

function judgeArchived(
  kind: string,
  { id, archived_at: at }: { id: string; archived_at: string | null },
  explained: Explained,
  { alarms }: Reconciled,
): void {
  if (at === null || explained.archived.has(id) || isOlder(at, explained)) return;
  alarms.push({
    kind: 'archived',
    what: `the ${kind} ${quote(id)} was archived by no act of ours`,
    evidence: { [kind]: id, at },
  });
}

/** Gives those of ours that are there, and of the others whether they are older than the records. */
async function judgeSessions(
  { platform, explained }: ReconcileRequest,
  found: Reconciled,
  vaults: ReadonlyMap<string, string>,
): Promise<{ ours: string[]; others: Map<string, 'older' | 'alarm'> }> {
  const ours: string[] = [];
  const others = new Map<string, 'older' | 'alarm'>();
  for await (const session of platform.sessions.list({ include_archived: true })) {
    found.looked.sessions += 1;
    if (explained.sessions.has(session.id)) {
      ours.push(session.id);
      judgeArchived('session', session, explained, found);
      continue;
    }
    // Where something between us and the platform asks twice, the second session is ended by us, and carries the same mark.
    const isTwin = explained.marks.has(session.metadata[attemptKey] ?? '') && explained.archived.has(session.id);
    if (isTwin) continue;
    if (isOlder(session.created_at, explained)) {
      found.older.sessions += 1;
      others.set(session.id, 'older');
      continue;
    }
    others.set(session.id, 'alarm');
    found.alarms.push(sessionAlarm(session, vaults, explained));
  }
  return { ours, others };
}

function sessionAlarm(session: Session, vaults: ReadonlyMap<string, string>, { made }: Explained): Alarm {
  const { id, created_at: created, agent, vault_ids: ids, metadata, status } = session;
  const used = ids.filter((vault) => vaults.has(vault) || made.has(vault));
  const whose = [...new Set(used.flatMap((vault) => vaults.get(vault) ?? []))].map(quote).join(', ');
  const evidence = {
    session: id,
    created,
    status,
    agent: agent.id,
    version: String(agent.version),
    vaults: ids.join(' '),
    claims: ownerOf(metadata)?.subject ?? '',
  };
  if (used.length === 0)
    return { kind: 'session', what: `the session ${quote(id)} was started by no act of ours`, evidence };
  const what = `the session ${quote(id)}, started by no act of ours, acts with the vault ${used.map(quote).join(', ')}${whose === '' ? '' : ` of ${whose}`}`;
  return { kind: 'vault_use', what, evidence };
}

/** What people send; the platform answers each with an event. */
const sentTypes = [
  'user.message',
  'user.interrupt',
  'user.tool_confirmation',
  'user.custom_tool_result',
  'user.tool_result',
  'user.define_outcome',
  'system.message',
] as const;
const pageSize = 500;

async function judgeEvents(
  { platform, explained }: ReconcileRequest,
  found: Reconciled,
  session: string,
): Promise<void> {
  const events = new Map<string, EventAnswer>();
  const take = (event: EventAnswer) => {
    if (sentTypes.some((type) => type === event['type'])) events.set(event.id, event);
  };
  await unlessMissing('listed', readSent(platform, session, take));
  found.looked.events += events.size;
  const left = [...(explained.sent.get(session) ?? [])];
  const taken = (matches: (sent: Sent) => boolean): boolean => {
    const index = left.findIndex(matches);
    if (index >= 0) left.splice(index, 1);
    return index >= 0;
  };
  // Those that are known by their id first, so that none of them stands for something else.
  const others = [...events.values()].filter(({ id }) => !taken((sent) => sent.event === id));
  for (const event of others) {
    const said = whatWasSaid(event);
    const mayBe = (sent: Sent) =>
      sent.event === undefined &&
      sent.act === said.act &&
      sent.call === said.call &&
      (sent.answer === undefined || sent.answer === said.answer);
    if (taken(mayBe)) continue;
    found.alarms.push(eventAlarm(session, event, said, explained.sessions.get(session)));
  }
}

async function readSent(platform: Platform, session: string, take: (event: EventAnswer) => void): Promise<void> {
  const query = { types: [...sentTypes], limit: pageSize, order: 'asc' as const };
  for await (const page of platform.sessions.history(session, query)) for (const event of page) take(event);
  for await (const thread of platform.sessions.threads(session)) {
    if (thread.primary === true) continue;
    for await (const page of platform.sessions.threadHistory(session, thread.id, { limit: pageSize })) {
      for (const event of page) take(event);
    }
  }
}

interface Said {
  kind: 'answer' | 'message' | 'interrupt';
  /** The act that would explain it. */
  act: string;
  call: string | undefined;
  answer: string | undefined;
}

function whatWasSaid(event: EventAnswer): Said {
  const text = (name: string) => (typeof event[name] === 'string' ? event[name] : undefined);
  const said = { call: undefined, answer: undefined };
  switch (event['type']) {
    case 'user.tool_confirmation':
      return {
        kind: 'answer',
        act: 'session.answer',
        call: text('tool_use_id'),
        answer: event['result'] === 'allow' ? 'allow' : 'deny',
      };
    case 'user.custom_tool_result':
    case 'user.tool_result':
      return {
        kind: 'answer',
        act: 'session.answer',
        call: text('custom_tool_use_id') ?? text('tool_use_id'),
        answer: 'result',
      };
    case 'user.interrupt':
      return { kind: 'interrupt', act: 'session.interrupt', ...said };
    case 'user.message':
      return { kind: 'message', act: 'session.message', ...said };
    default:
      // Nothing of ours sends these.
      return { kind: 'message', act: 'none', ...said };
  }
}

function eventAlarm(session: string, event: EventAnswer, said: Said, ours: OurSession | undefined): Alarm {
  const owner = ours !== undefined && 'label' in ours.by ? ` of ${quote(ours.by.label)}` : '';
  const where = `the session ${quote(session)}${owner}`;
  const at = typeof event['processed_at'] === 'string' ? event['processed_at'] : '';
  const evidence = {
    session,
    event: event.id,
    type: String(event['type']),
    at,
    ...(said.call !== undefined && { call: said.call }),
    ...(said.answer !== undefined && { answer: said.answer }),
  };
  switch (said.kind) {
    case 'answer':
      return {
        kind: 'answer',
        what: `somebody answered the call ${quote(said.call ?? '')} in ${where} with ${said.answer}, by no act of ours`,
        evidence,
      };
    case 'interrupt':
      return { kind: 'interrupt', what: `somebody interrupted ${where}, by no act of ours`, evidence };
    case 'message':
      return { kind: 'message', what: `somebody sent a message to ${where}, by no act of ours`, evidence };
  }
}

/** Whether a span is of a request that changes nothing, as the SDK names them. */
function isReading(name: string): boolean {
  return /\.(list|retrieve|stream)$/.test(name);
}

/** One alarm for each session and trace: more of them say nothing new. */
async function judgeSpans(
  { explained }: ReconcileRequest,
  found: Reconciled,
  spans: AsyncIterable<Span>,
  others: ReadonlyMap<string, 'older' | 'alarm'>,
): Promise<void> {
  const alarms = new Map<string, { alarm: Alarm; count: number }>();
  for await (const { session, trace, name, at } of spans) {
    found.looked.spans += 1;
    const ours = session === undefined ? undefined : explained.sessions.get(session);
    // Who reads leaves no line, so that nothing tells one reader from another.
    if (
      session === undefined ||
      isReading(name) ||
      others.get(session) === 'older' ||
      (ours !== undefined && ours.trace === undefined)
    ) {
      found.unjudged += 1;
      continue;
    }
    if (ours !== undefined && explained.traces.has(trace)) continue;
    const key = JSON.stringify([session, trace]);
    const known = alarms.get(key);
    if (known !== undefined) {
      known.count += 1;
      continue;
    }
    const what =
      ours === undefined
        ? `a span names the session ${quote(session)}, which was started by no act of ours`
        : `somebody acted in the session ${quote(session)} under a trace that is of no act of ours`;
    alarms.set(key, { alarm: { kind: 'span', what, evidence: { session, trace, name, at } }, count: 1 });
  }
  for (const { alarm, count } of alarms.values()) {
    found.alarms.push({ ...alarm, evidence: { ...alarm.evidence, spans: String(count) } });
  }
}
