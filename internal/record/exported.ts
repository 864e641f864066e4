/** The record in the formats of others. All of them are copies: what counts, and can be verified, is the record. Pure. */
import type { Actor, SignIn } from '../platform/actor.ts';
import { sha256 } from '../text/canonical.ts';
import { canonicalText, type RecordObject, type RecordValue } from './canonical.ts';
import type { Entry, Line } from './line.ts';

/** The formats: our own lines, OCSF events, Common Event Format, OTLP log records. */
export type ExportFormat = 'jsonl' | 'ocsf' | 'cef' | 'otlp';

/** One line of the record, as an event of somebody else's: an act that is announced, how it ended, or a tool call. */
export interface ExportedEvent {
  line: Line;
  /** The line as it stands in the file. */
  written: string;
  /** Of an outcome: what was announced. */
  intent: Intent | undefined;
}

type Intent = Extract<Entry, { kind: 'intent' }>;

const product = 'managed-agents-interface';
/** The version of the schema that the class was taken from, as long as it is not released. */
const ocsfVersion = '1.9.0-dev';

/** Gathers, of the lines of a record in their order, what is exported. Our own format has every line, the others what was done. */
export class Exporting {
  private readonly open = new Map<string, Intent>();
  private readonly every: boolean;

  constructor(format: ExportFormat) {
    this.every = format === 'jsonl';
  }

  /** The event of a line; undefined where this format has none for it. */
  take(line: Line, written: string): ExportedEvent | undefined {
    const { entry } = line;
    let intent: Intent | undefined;
    if (entry.kind === 'intent') this.open.set(entry.id, entry);
    if (entry.kind === 'outcome') {
      intent = this.open.get(entry.id);
      this.open.delete(entry.id);
    }
    const told = entry.kind === 'intent' || entry.kind === 'call' || intent !== undefined;
    return this.every || told ? { line, written, intent } : undefined;
  }
}

/** An event as one text of a format; of OTLP one log record. */
export function formatEvent(event: ExportedEvent, format: ExportFormat, version: string): string {
  switch (format) {
    case 'jsonl':
      return event.written;
    case 'ocsf':
      return canonicalText(ocsfEvent(event, version));
    case 'cef':
      return cefEvent(event, version);
    case 'otlp':
      return JSON.stringify(otlpRecord(event));
  }
}

/** What all formats say of an event. */
interface Facts {
  what: string;
  actor: Actor;
  outcome: 'announced' | 'success' | 'failure' | 'unknown';
  where: string | undefined;
  target: { kind: string; id: string | undefined; label: string };
  /** Joins what was announced and how it ended. */
  id: string;
  error: string | undefined;
  acting: Intent | Extract<Entry, { kind: 'call' }>;
}

function factsOf({ line: { entry }, intent }: ExportedEvent): Facts {
  if (entry.kind === 'call') {
    const { service, tool, call, responsible, platform, result } = entry;
    const target = { kind: 'tool', id: `${service}/${tool}`, label: tool };
    const outcome = result === 'none' ? 'unknown' : result;
    return {
      what: 'tool.call',
      actor: responsible,
      outcome,
      where: platform,
      target,
      id: call,
      error: undefined,
      acting: entry,
    };
  }
  const acting = entry.kind === 'intent' ? entry : intent;
  if (acting === undefined) throw new TypeError('this line is no event');
  const { act, actor, target, id, platform, server } = acting;
  const ended = entry.kind === 'outcome' ? entry : undefined;
  return {
    what: act,
    actor: ended?.proved ?? actor,
    outcome: ended?.outcome ?? 'announced',
    where: server ?? platform,
    target: { ...target, id: target.id ?? ended?.made },
    id,
    error: ended?.error,
    acting,
  };
}

/** OCSF API Activity: 1 create, 2 read, 3 update, 4 delete, 99 with the name of the act. */
function activityOf(what: string): number {
  const verb = what.slice(what.indexOf('.') + 1);
  if (['create', 'make', 'register', 'obtain'].includes(verb)) return 1;
  if (['update', 'write', 'renew', 'sign', 'mark', 'unmark'].includes(verb)) return 3;
  if (['archive', 'delete', 'revoke', 'end', 'offboard'].includes(verb)) return 4;
  return 99;
}

const activityNames: Record<number, string> = { 1: 'Create', 3: 'Update', 4: 'Delete' };
const statuses = {
  success: [1, 'Success'],
  failure: [2, 'Failure'],
  unknown: [0, 'Unknown'],
  announced: [99, 'Announced'],
} as const;

/** An event of OCSF's class 6003, with a fingerprint over its own canonical form (profile record_integrity). */
export function ocsfEvent(event: ExportedEvent, version: string): RecordObject {
  const facts = factsOf(event);
  const { log, count, at } = event.line;
  const activity = activityOf(facts.what);
  const [statusId, status] = statuses[facts.outcome];
  const { acting } = facts;
  const agent = acting.agent && {
    uid: acting.agent.id,
    version: acting.agent.version,
    name: acting.agent.name,
    instance_uid: acting.kind === 'call' ? acting.session : undefined,
  };
  const whole = withoutUndefined({
    activity_id: activity,
    activity_name: activityNames[activity] ?? facts.what,
    actor: { app_name: product, user: userOf(facts.actor) },
    ai_agent: agent,
    api: { operation: facts.what, request: { uid: facts.id }, service: facts.where && { name: facts.where } },
    category_name: 'Application Activity',
    category_uid: 6,
    class_name: 'API Activity',
    class_uid: 6003,
    dst_endpoint: facts.where === undefined ? undefined : { hostname: hostOf(facts.where) },
    metadata: {
      correlation_uid: facts.id,
      log_name: log,
      original_time: at,
      product: { name: product, version },
      profiles: [
        'record_integrity',
        ...(agent === undefined ? [] : ['ai_operation']),
        ...(acting.trace === undefined ? [] : ['trace']),
      ],
      sequence: count,
      uid: `${log}/${count}`,
      version: ocsfVersion,
    },
    resources: [{ name: facts.target.label, type: facts.target.kind, uid: facts.target.id }],
    severity: facts.outcome === 'failure' || facts.outcome === 'unknown' ? 'Low' : 'Informational',
    severity_id: facts.outcome === 'failure' || facts.outcome === 'unknown' ? 2 : 1,
    // A machine has no address of its own here: the record is what it is known by.
    src_endpoint: { instance_uid: log, name: product },
    status,
    status_code: facts.error,
    status_id: statusId,
    time: Date.parse(at),
    trace: acting.trace === undefined ? undefined : { uid: acting.trace },
    type_name: `API Activity: ${activityNames[activity] ?? 'Other'}`,
    type_uid: 600_300 + activity,
    // What OCSF has no place for, or none that this product could fill without inventing the rest of it.
    unmapped: {
      actor_kind: facts.actor.kind,
      actor_proof: 'proof' in facts.actor ? facts.actor.proof : undefined,
      actor_sign_in: 'subject' in facts.actor ? signInOf(facts.actor) : undefined,
      autonomous: autonomousIn(facts.actor),
      config_digest: acting.config,
      rule: acting.delegation?.rule,
      verdict: acting.delegation?.verdict,
      workspace: acting.workspace,
    },
  });
  const attestation = { authority_uid: product, chain_uid: log, uid: `${log}/${count}` };
  const fingerprint = {
    algorithm: 'SHA-256',
    algorithm_id: 3,
    encoding_id: 1,
    serialization_id: 2,
    value: sha256(canonicalText({ ...whole, attestation })),
  };
  return { ...whole, attestation: { ...attestation, fingerprint } };
}

function userOf(actor: Actor) {
  if ('subject' in actor) return { domain: actor.issuer, name: actor.label, uid: actor.subject };
  return { name: actor.account ?? 'unknown' };
}

/** The agent that acted for itself, with the person who answers for it; undefined where somebody acted as themselves. */
function autonomousIn(actor: Actor) {
  return 'subject' in actor ? actor.autonomous : undefined;
}

/** How well they had signed in, as the provider's own claims say it; undefined where it said nothing. */
function signInOf({ acr, amr, auth_time }: SignIn) {
  const said = { acr, amr, auth_time };
  return Object.values(said).some((each) => each !== undefined) ? said : undefined;
}

function hostOf(address: string): string {
  try {
    return new URL(address).hostname;
  } catch {
    return address;
  }
}

function withoutUndefined(value: object): RecordObject {
  const entries = Object.entries(value).flatMap(([name, member]): [string, RecordValue][] => {
    if (member === undefined || member === '') return [];
    if (Array.isArray(member))
      return [[name, member.map((each) => (typeof each === 'object' ? withoutUndefined(each) : each))]];
    return [[name, typeof member === 'object' && member !== null ? withoutUndefined(member) : (member as RecordValue)]];
  });
  return Object.fromEntries(entries);
}

/** Common Event Format: a header of seven fields, and members whose values escape `\`, `=` and line ends. */
export function cefEvent(event: ExportedEvent, version: string): string {
  const { what, actor, outcome, where, target, id, error, acting } = factsOf(event);
  const autonomous = autonomousIn(actor);
  const { log, count, at } = event.line;
  const isBad = outcome === 'failure' || outcome === 'unknown';
  const members: [string, string | undefined][] = [
    ['rt', String(Date.parse(at))],
    ['act', what],
    ['outcome', outcome],
    ['reason', error],
    ['suser', 'label' in actor ? actor.label : actor.account],
    ['suid', 'subject' in actor ? actor.subject : undefined],
    ['dhost', where === undefined ? undefined : hostOf(where)],
    ['externalId', `${log}/${count}`],
    ...labelled(1, 'issuer', 'issuer' in actor ? actor.issuer : undefined),
    ...labelled(
      2,
      'actor',
      autonomous === undefined
        ? actor.kind
        : `${actor.kind} as autonomous agent ${autonomous.agent}, sponsor ${autonomous.sponsor}`,
    ),
    ...labelled(3, 'target', [target.kind, target.id, target.label].filter(Boolean).join(' ')),
    ...labelled(4, 'correlation', id),
    ...labelled(5, 'rule', acting.delegation?.rule),
    ...labelled(6, 'trace', acting.trace),
  ];
  const header = ['CEF:0', product, 'record', version, what, `${what} ${target.label}`, isBad ? '5' : '3'];
  const extension = members.flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : `${name}=${cefValue(value)}`,
  );
  return `${header.map((field, index) => (index === 0 ? field : cefField(field))).join('|')}|${extension.join(' ')}`;
}

function labelled(place: number, label: string, value: string | undefined): [string, string | undefined][] {
  return value === undefined
    ? []
    : [
        [`cs${place}Label`, label],
        [`cs${place}`, value],
      ];
}

/** A field of the header is one line. */
function cefField(text: string): string {
  return withoutControls(text.replace(/[\r\n\u2028\u2029]+/g, ' ')).replace(/[\\|]/g, '\\$&');
}

function cefValue(text: string): string {
  const escaped = text
    .replace(/[\\=]/g, '\\$&')
    .replaceAll('\r', '\\r')
    .replace(/[\n\u2028\u2029]/g, '\\n');
  return withoutControls(escaped);
}

/** What else moves a cursor or ends a line in some reader is shown as what it is not. */
function withoutControls(text: string): string {
  return text.replace(/\p{Cc}/gu, '\uFFFD');
}

/** A log record of OTLP in its JSON form: times as texts of nanoseconds, every attribute a text. */
export function otlpRecord(event: ExportedEvent): object {
  const { what, actor, outcome, where, target, id, error, acting } = factsOf(event);
  const { log, count, at } = event.line;
  const nanoseconds = `${Date.parse(at)}000000`;
  const isBad = outcome === 'failure' || outcome === 'unknown';
  const attributes: Record<string, string | undefined> = {
    'event.name': what,
    'record.log': log,
    'record.count': String(count),
    'record.id': id,
    outcome,
    'error.type': error,
    'actor.kind': actor.kind,
    'actor.issuer': 'issuer' in actor ? actor.issuer : undefined,
    'actor.subject': 'subject' in actor ? actor.subject : undefined,
    'actor.label': 'label' in actor ? actor.label : actor.account,
    'actor.autonomous.agent': autonomousIn(actor)?.agent,
    'actor.autonomous.sponsor': autonomousIn(actor)?.sponsor,
    'target.kind': target.kind,
    'target.id': target.id,
    'target.label': target.label,
    'server.address': where === undefined ? undefined : hostOf(where),
    'gen_ai.agent.id': acting.agent?.id,
    'gen_ai.agent.version': acting.agent?.version,
  };
  return {
    timeUnixNano: nanoseconds,
    observedTimeUnixNano: nanoseconds,
    severityNumber: isBad ? 13 : 9,
    severityText: isBad ? 'WARN' : 'INFO',
    body: { stringValue: event.written },
    attributes: Object.entries(attributes).flatMap(([key, stringValue]) =>
      stringValue === undefined ? [] : [{ key, value: { stringValue } }],
    ),
    ...(acting.trace !== undefined && /^[0-9a-f]{32}$/.test(acting.trace) ? { traceId: acting.trace } : {}),
  };
}

/** Log records as the body of one request (OTLP/HTTP, JSON). */
export function otlpRequest(records: readonly string[], version: string): string {
  const resource = `{"attributes":[{"key":"service.name","value":{"stringValue":"${product}"}},{"key":"service.version","value":{"stringValue":"${version}"}}]}`;
  return `{"resourceLogs":[{"resource":${resource},"scopeLogs":[{"scope":{"name":"${product}"},"logRecords":[${records.join(',')}]}]}]}`;
}

/** Log audit (RFC 5424 table 1), and its severities: informational, or a warning. */
const facility = 13;

/** A text as one message of RFC 5424, framed by its length in bytes (RFC 6587): a line end in it ends nothing. */
export function syslogMessage(event: ExportedEvent, message: string): string {
  const { entry, at } = event.line;
  const isBad = entry.kind === 'outcome' && entry.outcome !== 'success';
  const id =
    entry.kind === 'outcome' ? (event.intent?.act ?? 'record') : entry.kind === 'intent' ? entry.act : entry.kind;
  const head = `<${facility * 8 + (isBad ? 4 : 6)}>1 ${at} - ${product} - ${id.replace(/[^\x21-\x7e]/g, '_').slice(0, 32)} -`;
  const whole = `${head} \uFEFF${message}`;
  return `${Buffer.byteLength(whole)} ${whole}`;
}
