/** Copies of the record for other tools: to stdout, or to a sink, which goes on where it was left. */
import { AppError } from '../../errors/app-error.ts';
import { guardedFetch } from '../../outside/http.ts';
import { type ExportedEvent, Exporting, formatEvent, syslogMessage } from '../../record/exported.ts';
import type { RecordLog } from '../../record/record-log.ts';
import { deliver, type Sink } from '../../record/sink.ts';
import { Secret } from '../../secret/secret.ts';
import { sha256 } from '../../text/canonical.ts';
import { quote } from '../../text/quote.ts';
import { recordIn } from '../../text/record.ts';
import { isUrl } from '../../text/url.ts';
import type { Ports } from '../ports.ts';
import type { ExportedRecord, ExportRecordRequest } from '../values/record.ts';

/** What is in memory at once, in events, and what goes into one request, in events and in UTF-16 code units. */
const mostAtOnce = 10_000;
const largestBatch = { events: 500, length: 512 * 1024 };

/**
 * Exports what came after a line, or after what a sink has. Throws `usage`, `file_system`, and what {@link deliver} throws: the
 * record stays as it is, and the next run goes on.
 */
export async function exportRecord(request: ExportRecordRequest, ports: Ports): Promise<ExportedRecord> {
  const { format, after, sink: address, syslog, withToken } = request;
  if (address !== undefined && (syslog || after !== undefined)) {
    throw new AppError('usage', 'a sink is sent the format alone, from where it was left', {
      hint: 'leave --syslog and --after out',
    });
  }
  const record = await ports.record();
  const sink = address === undefined ? undefined : await openSink(request, address, ports, withToken);
  const cursor = sink && record.cursor(sha256(`${format} ${sink.url.href}`).slice(0, 16));
  let [last, exported] = [after ?? (await readCursor(cursor)) ?? 0, 0];
  let isAltered = false;
  for (;;) {
    const { events, through, faults } = await eventsAfter(record, last, format);
    isAltered ||= faults;
    const texts = events.map((event) => {
      const text = formatEvent(event, format, ports.version);
      return syslog ? syslogMessage(event, text) : text;
    });
    if (sink === undefined) {
      if (texts.length > 0) ports.stream(syslog ? texts.join('') : `${texts.join('\n')}\n`);
      exported += texts.length;
    } else {
      for (const { from, to } of batches(texts)) {
        await deliver(texts.slice(from, to), sink);
        exported += to - from;
        await cursor?.write(`${JSON.stringify({ count: events[to - 1]?.line.count })}\n`);
      }
    }
    last = through;
    if (events.length < mostAtOnce) break;
  }
  if (isAltered) ports.tell.warn('the record is not as it was written: setup-session audit verify');
  return { format, sink: sink?.url.href ?? null, exported, through: last };
}

async function openSink(
  { format }: ExportRecordRequest,
  address: string,
  ports: Ports,
  withToken: boolean,
): Promise<Sink> {
  const url = isUrl(address) ? new URL(address) : undefined;
  if (url === undefined) throw new AppError('usage', `${quote(address)} is not a URL`);
  const what = `the token of ${url.host}`;
  const token = withToken ? await ports.entered({ what, command: 'setup-session audit export' }) : undefined;
  return {
    url,
    format,
    version: ports.version,
    fetch: guardedFetch({
      allowLoopbackHttp: ports.environment.MAI_ALLOW_LOOPBACK_HTTP === '1',
      // Whoever runs this names the host: a collector is often inside the organization's own network.
      reviewedHosts: new Set([url.hostname]),
      signal: ports.signal,
    }),
    token: token === undefined ? undefined : new Secret(token.trim()),
    signal: ports.signal,
    onWait: (seconds) => ports.tell.warn(`${quote(url.host)} asks to wait ${seconds} s`),
  };
}

/** Where a sink was left. What cannot be read is no place: it is sent again rather than left out. */
async function readCursor(cursor: ReturnType<RecordLog['cursor']> | undefined): Promise<number | undefined> {
  const { count } = recordIn((await cursor?.read()) ?? '') ?? {};
  return Number.isSafeInteger(count) && Number(count) >= 0 ? Number(count) : undefined;
}

/** The first events after a line, and the line that they end with. */
async function eventsAfter(record: RecordLog, last: number, format: ExportRecordRequest['format']) {
  const events: ExportedEvent[] = [];
  const exporting = new Exporting(format);
  let through = last;
  const { findings } = await record.verify((line, written) => {
    const event = exporting.take(line, written);
    if (line.count <= last || events.length === mostAtOnce) return;
    through = line.count;
    if (event !== undefined) events.push(event);
  });
  return { events, through, faults: findings.some(({ severity }) => severity === 'fault') };
}

/** Which texts go together. */
function* batches(texts: readonly string[]): Generator<{ from: number; to: number }> {
  for (let from = 0; from < texts.length; ) {
    let [to, length] = [from, 0];
    while (to < texts.length && to - from < largestBatch.events) {
      length += texts[to]?.length ?? 0;
      if (to > from && length > largestBatch.length) break;
      to += 1;
    }
    yield { from, to };
    from = to;
  }
}
