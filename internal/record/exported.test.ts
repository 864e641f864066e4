/** The record in the formats of others, and sinks that do not take it, or say that they did. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import canonicalize from 'canonicalize';
import * as json from 'json-canonicalize';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { judgeBySchema } from '../../test/support/published-schema.ts';
import { guardedFetch } from '../outside/http.ts';
import { sha256 } from '../text/canonical.ts';
import { canonicalText, type RecordObject } from './canonical.ts';
import {
  cefEvent,
  type ExportedEvent,
  type ExportFormat,
  Exporting,
  formatEvent,
  ocsfEvent,
  otlpRecord,
  syslogMessage,
} from './exported.ts';
import { recordFiles } from './files.ts';
import { type Entry, inLines } from './line.ts';
import { recordIn } from './log.ts';
import { deliver, type Sink } from './sink.ts';
import { verifyRecord } from './verify.ts';

const actor = {
  kind: 'person',
  proof: 'sso',
  issuer: 'https://id.example',
  subject: 'ada',
  label: 'ada@example.org',
} as const;
const nasty = 'a|b=c\\d\r\ne\u001b[31m\u2028f \u00e4\u{1F600}';
const intent = (label: string): Extract<Entry, { kind: 'intent' }> => ({
  kind: 'intent',
  id: 'i1',
  act: 'vault.create',
  actor,
  agent: { id: 'agent_1', version: '3' },
  delegation: { verdict: 'allow', rule: 'interface.yaml' },
  platform: 'https://api.anthropic.com',
  target: { kind: 'vault', id: undefined, label },
  trace: 'a'.repeat(32),
});
const at = '2026-11-29T12:00:00.123Z';
function event(entry: Entry, announced?: Extract<Entry, { kind: 'intent' }>, count = 3): ExportedEvent {
  return { line: { log: 'l', count, previous: '0', at, entry }, written: `{"n":${count}}`, intent: announced };
}
const outcome: Entry = { kind: 'outcome', id: 'i1', outcome: 'success', attempts: 1, made: 'vlt_1' };

describe('OCSF', () => {
  test('has what API Activity requires, and a fingerprint over all but itself', () => {
    const made = ocsfEvent(event(outcome, intent('Ada')), '0.1.0') as Record<string, never>;
    // What class 6003 of 1.9.0-dev requires, with one of the members that actor and src_endpoint have to have.
    for (const name of [
      'activity_id',
      'actor',
      'api',
      'category_uid',
      'class_uid',
      'metadata',
      'severity_id',
      'src_endpoint',
      'time',
      'type_uid',
    ]) {
      expect(made).toHaveProperty(name);
    }
    expect(made).toMatchObject({
      activity_id: 1,
      actor: { user: { uid: 'ada', domain: 'https://id.example' } },
      ai_agent: { uid: 'agent_1', version: '3' },
      class_uid: 6003,
      metadata: { correlation_uid: 'i1', uid: 'l/3', version: '1.9.0-dev' },
      resources: [{ type: 'vault', uid: 'vlt_1', name: 'Ada' }],
      src_endpoint: { name: 'managed-agents-interface' },
      status_id: 1,
      time: Date.parse(at),
      type_uid: 600_301,
    });
    const { fingerprint, ...attestation } = made['attestation'] as unknown as RecordObject & {
      fingerprint: RecordObject;
    };
    expect(fingerprint).toMatchObject({ algorithm_id: 3, serialization_id: 2 });
    expect(fingerprint['value']).toBe(sha256(canonicalText({ ...(made as unknown as RecordObject), attestation })));
  });

  test('is what the schema of the class says, whatever is exported, and its fingerprint is what others compute', async () => {
    const path = new URL('../../test/data/ocsf-api-activity.schema.json', import.meta.url);
    const wrongIn = judgeBySchema(JSON.parse(await readFile(path, 'utf8')));
    const keyHolder = { ...intent('x'), actor: { kind: 'key_holder', account: undefined }, agent: undefined } as const;
    const signedIn = { ...actor, acr: 'loa2', amr: ['pwd', 'otp'], auth_time: 1_796_000_000 };
    const called: Entry = {
      kind: 'call',
      session: 'sesn_1',
      call: 'sevt_1',
      happened: at,
      responsible: signedIn,
      agent: { id: 'agent_1', version: '3', name: 'support' },
      service: 'notion',
      tool: 'notion-search',
      input: sha256('{}'),
      characters: 2,
      permission: 'allow',
      result: 'none',
      platform: 'x',
    };
    const events = [
      event(called),
      event(intent('x')),
      event({ ...intent(nasty), actor: signedIn, act: 'grant.obtain', server: 'https://id.example' } as Entry),
      ...(['success', 'failure', 'unknown'] as const).flatMap((how) =>
        [intent('y'), keyHolder].map((announced) =>
          event({ kind: 'outcome', id: 'i1', outcome: how, attempts: 2, error: 'timed_out' }, announced),
        ),
      ),
      event({ ...outcome, proved: signedIn } as Entry, { ...intent('x'), act: 'sign_in.obtain', platform: undefined }),
    ];
    for (const each of events) {
      const made = ocsfEvent(each, '0.1.0');
      expect([each.line.entry, wrongIn(made)]).toEqual([each.line.entry, []]);
      const { fingerprint, ...attestation } = made['attestation'] as RecordObject & { fingerprint: RecordObject };
      for (const text of [canonicalize({ ...made, attestation }), json.canonicalize({ ...made, attestation })]) {
        expect(sha256(text ?? '')).toBe(fingerprint['value']);
      }
      // Nothing of it may be of another kind, or be missing where the class requires it.
      for (const name of ['time', 'class_uid', 'metadata', 'actor', 'src_endpoint']) {
        expect(wrongIn({ ...made, [name]: 'x' })).not.toEqual([]);
        expect(wrongIn(Object.fromEntries(Object.entries(made).filter(([key]) => key !== name)))).not.toEqual([]);
      }
      expect(wrongIn({ ...made, more: 1 })).not.toEqual([]);
    }
  });

  test.each<[Entry, Extract<Entry, { kind: 'intent' }> | undefined, number]>([
    [intent('x'), undefined, 99],
    [{ kind: 'outcome', id: 'i1', outcome: 'failure', attempts: 1, error: 'platform_refused' }, intent('x'), 2],
    [{ kind: 'outcome', id: 'i1', outcome: 'unknown', attempts: 3 }, intent('x'), 0],
  ])('the status of %j', (entry, announced, status) => {
    expect(ocsfEvent(event(entry, announced), '0.1.0')).toMatchObject({ status_id: status });
  });
});

/** Reads a CEF line as its specification says: fields end at a bare `|`, values at the next ` key=`. */
function parseCef(line: string): { fields: string[]; members: Record<string, string> } {
  const fields: string[] = [];
  let rest = line;
  while (fields.length < 7) {
    const [field = ''] = /^(?:[^\\|]|\\.)*/.exec(rest) ?? [];
    fields.push(field.replace(/\\(.)/g, '$1'));
    rest = rest.slice(field.length + 1);
  }
  const members = Object.fromEntries(
    [...rest.matchAll(/(?:^| )(\w+)=((?:[^\\=]|\\.)*?)(?=(?: \w+=)|$)/gs)].map(([, name = '', value = '']) => [
      name,
      value.replace(/\\([\\=nr])/g, (_all, each: string) => (each === 'n' ? '\n' : each === 'r' ? '\r' : each)),
    ]),
  );
  return { fields, members };
}

describe('CEF', () => {
  test('is one line, whatever a name holds, and is read again as it was', () => {
    const line = cefEvent(event(outcome, { ...intent(nasty), actor: { ...actor, label: nasty } }), '0.1.0');
    expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    const { fields, members } = parseCef(line);
    expect(fields.slice(0, 5)).toEqual(['CEF:0', 'managed-agents-interface', 'record', '0.1.0', 'vault.create']);
    expect(fields[5]).toBe('vault.create a|b=c\\d e\uFFFD[31m f \u00e4\u{1F600}');
    expect(members).toMatchObject({
      suser: 'a|b=c\\d\r\ne\uFFFD[31m\nf \u00e4\u{1F600}',
      suid: 'ada',
      externalId: 'l/3',
      outcome: 'success',
      rt: String(Date.parse(at)),
    });
  });
});

describe('syslog', () => {
  test('is framed by its length in bytes, so that a line end in it ends nothing', () => {
    const messages = [nasty, 'two'].map((text) => syslogMessage(event(outcome, intent('x')), text));
    let rest = Buffer.from(messages.join(''));
    const read: string[] = [];
    while (rest.length > 0) {
      const space = rest.indexOf(0x20);
      const length = Number(rest.subarray(0, space).toString());
      // Where it is counted in characters, what follows is the end of a message and no length.
      expect([space > 0, Number.isInteger(length)]).toEqual([true, true]);
      read.push(rest.subarray(space + 1, space + 1 + length).toString('utf8'));
      rest = rest.subarray(space + 1 + length);
    }
    expect(read).toEqual(
      [nasty, 'two'].map((text) => `<110>1 ${at} - managed-agents-interface - vault.create - \uFEFF${text}`),
    );
  });

  test('a failure is a warning, and a kind of line is a name without spaces', () => {
    expect(syslogMessage(event({ kind: 'outcome', id: 'i', outcome: 'failure', attempts: 1 }), 'x')).toMatch(
      /^\d+ <108>1 /,
    );
  });
});

test('OTLP has times as texts, texts for all values, and the trace', () => {
  const made = otlpRecord(event(outcome, intent('x')));
  expect(made).toMatchObject({
    timeUnixNano: `${Date.parse(at)}000000`,
    traceId: 'a'.repeat(32),
    body: { stringValue: '{"n":3}' },
  });
  expect(JSON.stringify(made)).not.toMatch(/null|"(int|double)Value"/);
});

describe('a sink', () => {
  let folder: string;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  let bodies: string[];
  let sink: Sink;
  let close: () => void;
  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'sink-')), 'record');
    await mkdir(folder, { mode: 0o700 });
    bodies = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (piece) => (body += String(piece)));
      request.on('end', () => {
        bodies.push(body);
        answer(request, response);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    close = () => {
      server.closeAllConnections();
      server.close();
    };
    const { signal } = new AbortController();
    sink = {
      url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/logs`),
      format: 'otlp',
      version: '0.1.0',
      fetch: guardedFetch({ allowLoopbackHttp: true, signal }),
      token: undefined,
      signal,
      onWait: () => {},
    };
  });
  afterEach(async () => {
    close();
    await rm(join(folder, '..'), { recursive: true, force: true });
  });
  const says =
    (status: number, body = '', headers: Record<string, string> = { 'content-type': 'application/json' }) =>
    (_request: IncomingMessage, response: ServerResponse) =>
      void response.writeHead(status, headers).end(body);

  test.each<[string, ExportFormat, () => void]>([
    ['{}', 'otlp', () => (answer = says(200, '{}'))],
    [
      'a partialSuccess without one rejected',
      'otlp',
      () => (answer = says(200, '{"partialSuccess":{"rejectedLogRecords":"0"}}')),
    ],
    ['202 without a body', 'ocsf', () => (answer = says(202, '', {}))],
    ['JSON of its own', 'jsonl', () => (answer = says(200, '{"ack":1}'))],
    ['plain text', 'cef', () => (answer = says(200, 'ok', { 'content-type': 'text/plain' }))],
  ])('that answers %s to %s has taken them', async (_what, format, prepare) => {
    prepare();
    await expect(deliver(['{}'], { ...sink, format })).resolves.toBeUndefined();
    expect(bodies).toHaveLength(1);
  });

  /** How often each is tried. */
  test.each<[string, ExportFormat, () => void, number]>([
    ['a page that says 200', 'otlp', () => (answer = says(200, '<html>', { 'content-type': 'text/html' })), 1],
    ['a page that says 200', 'ocsf', () => (answer = says(200, '<html>', { 'content-type': 'text/html' })), 1],
    ['a page that is JSON by chance', 'otlp', () => (answer = says(200, '{}', { 'content-type': 'text/html' })), 1],
    ['nothing at all', 'otlp', () => (answer = says(200, '', {})), 1],
    [
      'a part that was rejected',
      'otlp',
      () => (answer = says(200, '{"partialSuccess":{"rejectedLogRecords":"1"}}')),
      1,
    ],
    [
      'what is no number of rejected ones',
      'otlp',
      () => (answer = says(200, '{"partialSuccess":{"rejectedLogRecords":{"toString":1,"valueOf":1}}}')),
      1,
    ],
    ['all, with a warning', 'otlp', () => (answer = says(200, '{"partialSuccess":{"errorMessage":"x"}}')), 1],
    ['something else in JSON', 'otlp', () => (answer = says(200, '{"code":3}')), 1],
    ['400', 'otlp', () => (answer = says(400)), 1],
    ['a redirect', 'otlp', () => (answer = says(302, '', { location: '/elsewhere' })), 1],
    ['503 each time, to be asked again at once', 'otlp', () => (answer = says(503, '', { 'retry-after': '0' })), 3],
    ['429 and a long wait', 'otlp', () => (answer = says(429, '', { 'retry-after': '3600' })), 1],
    ...(['otlp', 'ocsf', 'jsonl', 'cef'] as const).flatMap((format): [string, ExportFormat, () => void, number][] => [
      ['429 each time, to be asked again at once', format, () => (answer = says(429, '', { 'retry-after': '0' })), 3],
      [
        '503 and a page',
        format,
        () => (answer = says(503, '<html>', { 'content-type': 'text/html', 'retry-after': '0' })),
        3,
      ],
      [
        'never',
        format,
        () => {
          answer = () => {};
          sink.fetch = guardedFetch({ allowLoopbackHttp: true, signal: sink.signal, timeoutMs: 300 });
        },
        3,
      ],
    ]),
    ['by hanging up', 'otlp', () => (answer = (_request, response) => response.destroy()), 3],
  ])('that answers with %s to %s has not taken them', async (_what, format, prepare, tries) => {
    prepare();
    await expect(deliver(['{}'], { ...sink, format })).rejects.toMatchObject({ code: 'service_unreachable' });
    expect(bodies).toHaveLength(tries);
  });

  test('that asks to wait a little is waited for', async () => {
    const answers = [says(503, '', { 'retry-after': '0' }), says(200, '{}')];
    answer = (request, response) => answers.shift()?.(request, response);
    await deliver(['{}'], sink);
    expect(bodies).toHaveLength(2);
  });
});

describe('of a record', () => {
  let folder: string;
  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'export-')), 'record');
    await mkdir(folder, { mode: 0o700 });
  });
  afterEach(() => rm(join(folder, '..'), { recursive: true }));
  const texts = async (format: ExportFormat) => {
    const exporting = new Exporting(format);
    const events: ExportedEvent[] = [];
    await verifyRecord(folder, (line, written) => {
      const made = exporting.take(line, written);
      if (made !== undefined) events.push(made);
    });
    return events.map((each) => formatEvent(each, format, '0.1.0'));
  };
  const files = async () => {
    const names = await recordFiles(folder);
    return (await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))).join('');
  };

  test('our own format has every line as it is written, and the others what was done', async () => {
    const log = recordIn({ folder });
    await log.append(intent('x'));
    await log.append(outcome);
    await log.append({ kind: 'outcome', id: 'i1', outcome: 'success', attempts: 1 });
    expect(await texts('jsonl')).toHaveLength(4);
    for (const format of ['ocsf', 'cef', 'otlp'] as const) expect(await texts(format)).toHaveLength(2);
  });

  test('our own format has every line in its place, also of parts in several files and of a run that was cut off', async () => {
    const log = recordIn({ folder, largestFile: 200_000 });
    const rule = (characters: number) => ({ service: 's', tool: 't', verdict: 'on', rule: 'x'.repeat(characters) });
    const long = { ...intent('x'), tools: Array.from({ length: 200 }, () => rule(4000)) };
    await log.append(long);
    await log.append(outcome);
    for (const part of inLines({ ...long, id: 'i2' }).slice(0, 3)) await log.append(part);
    await log.append(intent('y'));
    expect((await recordFiles(folder)).length).toBeGreaterThan(2);
    expect(`${(await texts('jsonl')).join('\n')}\n`).toBe(await files());
    for (const format of ['ocsf', 'cef', 'otlp'] as const) expect(await texts(format)).toHaveLength(3);
    // Of the parts of an entry comes one event, whose fingerprint is over the whole of it.
    const [first = ''] = await texts('ocsf');
    const { attestation, ...rest } = JSON.parse(first) as RecordObject & {
      attestation: RecordObject & { fingerprint: RecordObject };
    };
    const { fingerprint, ...unprinted } = attestation;
    expect(fingerprint['value']).toBe(sha256(canonicalize({ ...rest, attestation: unprinted }) ?? ''));
    expect(rest['resources']).toEqual([{ name: 'x', type: 'vault' }]);
    expect((rest['metadata'] as RecordObject)['sequence']).toBeGreaterThan(inLines(long).length);
  });
});
