/** Copies of the record for other tools: to stdout, or to a sink, which goes on where it was left. */
import { clock } from '../../clock/clock.ts';
import { AppError } from '../../errors/app-error.ts';
import { guardedFetch } from '../../outside/http.ts';
import { type ExportedEvent, type ExportFormat, Exporting, formatEvent, syslogMessage } from '../../record/exported.ts';
import type { RecordLog } from '../../record/record-log.ts';
import { deliver, type Sink, takesSyslog } from '../../record/sink.ts';
import type { ReadEntry, RecordReading } from '../../record/verify.ts';
import { Secret } from '../../secret/secret.ts';
import { sha256 } from '../../text/canonical.ts';
import { nearestHint } from '../../text/nearest.ts';
import { quote } from '../../text/quote.ts';
import { recordIn } from '../../text/record.ts';
import { isUrl } from '../../text/url.ts';
import type { Ports } from '../ports.ts';
import { loadProject } from '../project.ts';
import type { ExportedRecord, ExportRecordRequest } from '../values/record.ts';

/** What goes into one request, in events and in UTF-16 code units. */
const largestBatch = { events: 500, length: 512 * 1024 };

/** Between two looks at a record that is followed; a sink that took nothing is left alone for longer each time. */
const everyMs = 2000;
const longestPauseMs = 60_000;

/**
 * Exports what came after a line, or after what a sink has; with `follow` what is added as well, and a sink that takes nothing
 * is asked again later. Throws `usage`, `file_system`, `interrupted`, and without `follow` what {@link deliver} throws: the
 * record stays as it is, and the next run goes on.
 */
export async function exportRecord(request: ExportRecordRequest, ports: Ports): Promise<ExportedRecord> {
  const { after, syslog, withToken, follow } = request;
  const { signal, tell, timeoutSeconds } = ports;
  if (request.sink !== undefined && (syslog || after !== undefined)) {
    throw new AppError('usage', 'a sink is sent the format alone, from where it was left', {
      hint: 'leave --syslog and --after out',
    });
  }
  const { address, format } = await sinkOf(request, ports);
  const until = timeoutSeconds === undefined ? undefined : clock.monotonic() + timeoutSeconds * 1000;
  const record = await ports.record();
  const sink = address === undefined ? undefined : await openSink(format, address, ports, withToken);
  const cursor = sink && record.cursor(sha256(`${format} ${sink.url.href}`).slice(0, 16));
  const last = after ?? (await readCursor(cursor)) ?? 0;
  const copies = new Copies({ reading: await record.reading(), format, syslog, sink, cursor, ports, last });
  const copied = () => ({ format, sink: sink?.url.href ?? null, exported: copies.exported, through: copies.last });
  if (!follow) {
    // Who follows never comes to an end: there it says nothing how far it is.
    const waiting = tell.wait(`the record is copied${sink === undefined ? '' : ` to ${quote(sink.url.host)}`}`);
    copies.onCopied = (count) => waiting.at(count, undefined);
    await copies.copyOn().finally(() => waiting.done());
    if (sink === undefined) await copies.copyRest();
    return copied();
  }
  for (let pauseMs = everyMs; ; ) {
    try {
      await copies.copyOn();
      pauseMs = everyMs;
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'service_unreachable') throw error;
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      tell.warn(`${error.message}; it is asked again in ${pauseMs / 1000} s`);
    }
    const left = until === undefined ? pauseMs : Math.min(pauseMs, until - clock.monotonic());
    if (left <= 0) break;
    await clock.pause(left, signal);
    if (signal.aborted) throw new AppError('interrupted', 'interrupted: the record is followed no more');
  }
  return copied();
}

/** Where the copies of one run come from and go to. */
interface CopiesRequest {
  reading: RecordReading;
  format: ExportFormat;
  syslog: boolean;
  sink: Sink | undefined;
  cursor: ReturnType<RecordLog['cursor']> | undefined;
  ports: Ports;
  /** The line behind which they begin. */
  last: number;
}

/** The copies of one run. */
class Copies {
  exported = 0;
  /** The last line that was surely delivered, or that this format has nothing of. */
  last: number;
  /** Hears how many were copied so far. */
  onCopied: (count: number) => void = () => {};
  readonly #request: CopiesRequest;
  readonly #exporting: Exporting;
  /** What was read and not delivered yet. */
  #waiting: ExportedEvent[] = [];
  /** The last line that was read. */
  #read: number;
  #isTold = false;

  constructor(request: CopiesRequest) {
    this.#request = request;
    this.#exporting = new Exporting(request.format);
    this.last = request.last;
    this.#read = request.last;
  }

  /** Copies what was added since it was called before, what a sink did not take then first. Throws what {@link deliver} does. */
  async copyOn(): Promise<void> {
    await this.#deliver();
    for await (const entries of this.#request.reading.more()) {
      this.#take(entries);
      await this.#deliver();
    }
  }

  /** Copies the parts of an entry that is not whole. Where somebody goes on from there, it would come once more. */
  async copyRest(): Promise<void> {
    this.#take(this.#request.reading.rest());
    await this.#deliver();
  }

  #take(entries: readonly ReadEntry[]): void {
    const { reading, ports, last } = this.#request;
    for (const { line, written } of entries) {
      const event = this.#exporting.take(line, written);
      if (line.count <= last) continue;
      this.#read = line.count;
      if (event !== undefined) this.#waiting.push(event);
    }
    if (this.#isTold || !reading.isAltered) return;
    this.#isTold = true;
    ports.tell.warn('the record is not as it was written: setup-session audit verify');
  }

  async #deliver(): Promise<void> {
    const { format, sink, cursor, ports } = this.#request;
    const framed = this.#request.syslog || (sink !== undefined && takesSyslog(sink.url));
    const texts = this.#waiting.map((event) => {
      const text = formatEvent(event, format, ports.version);
      return framed ? syslogMessage(event, text) : text;
    });
    if (sink === undefined) {
      if (texts.length > 0) ports.stream(framed ? texts.join('') : `${texts.join('\n')}\n`);
      this.exported += texts.length;
      if (texts.length > 0) this.onCopied(this.exported);
    } else {
      const events = this.#waiting;
      for (const { from, to } of batches(texts)) {
        await deliver(texts.slice(from, to), sink);
        this.#waiting = events.slice(to);
        this.exported += to - from;
        this.onCopied(this.exported);
        this.last = events[to - 1]?.line.count ?? this.last;
        await cursor?.write(`${JSON.stringify({ count: this.last })}\n`);
      }
    }
    this.#waiting = [];
    this.last = this.#read;
  }
}

/** The sink that is meant: by its address, or by its name in the configuration. */
async function sinkOf({ sink, format }: ExportRecordRequest, ports: Ports) {
  if (sink === undefined || typeof sink === 'string') return { address: sink, format: format ?? 'jsonl' };
  const configuration = await loadProject(ports);
  const sinks = configuration.interface.record?.sinks ?? {};
  const found = Object.hasOwn(sinks, sink.name) ? sinks[sink.name] : undefined;
  if (found === undefined) {
    throw new AppError('usage', `no sink ${quote(sink.name)} is in interface.yaml`, {
      hint: nearestHint(sink.name, Object.keys(sinks)),
    });
  }
  return { address: found.to, format: format ?? found.format };
}

async function openSink(format: ExportFormat, address: string, ports: Ports, withToken: boolean): Promise<Sink> {
  const url = isUrl(address) ? new URL(address) : undefined;
  if (url === undefined) throw new AppError('usage', `${quote(address)} is not a URL`);
  requireSafe(url, format, withToken);
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

/** Throws `usage` for an address that copies cannot, or must not, be sent to. */
function requireSafe(url: URL, format: ExportFormat, withToken: boolean): void {
  const { protocol, hostname } = url;
  if (!['https:', 'http:', 'syslog+tls:', 'syslog+tcp:'].includes(protocol)) {
    throw new AppError('usage', `nothing is sent to ${quote(protocol)}`, {
      hint: 'use https, syslog+tls, or syslog+tcp to a relay on this machine',
    });
  }
  if (!takesSyslog(url)) return;
  if (protocol === 'syslog+tcp:' && !['localhost', '127.0.0.1', '[::1]'].includes(hostname)) {
    throw new AppError(
      'usage',
      `${quote(url.host)} is not this machine, and syslog+tcp is read by everybody on the way`,
      {
        hint: 'use syslog+tls, or a relay on this machine',
      },
    );
  }
  if (hostname === '' || url.username !== '' || url.password !== '' || withToken || format === 'otlp') {
    throw new AppError('usage', 'syslog takes a host, no account or token, and jsonl, ocsf or cef');
  }
}

/** Where a sink was left. What cannot be read is no place: it is sent again rather than left out. */
async function readCursor(cursor: ReturnType<RecordLog['cursor']> | undefined): Promise<number | undefined> {
  const { count } = recordIn((await cursor?.read()) ?? '') ?? {};
  return Number.isSafeInteger(count) && Number(count) >= 0 ? Number(count) : undefined;
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
