/**
 * A sink: where copies of the record go. One batch at a time, and the cursor moves over what was surely delivered, and over
 * nothing else: an answer that is no clear yes is none. Whatever a sink does, the record is written without it.
 */
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import type { Fetch } from '../outside/http.ts';
import type { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { recordIn } from '../text/record.ts';
import { type ExportFormat, otlpRequest } from './exported.ts';

/** Where copies go, and how: by HTTP, or as messages of syslog to a receiver. */
export interface Sink {
  /** `https`, `http` on this machine, `syslog+tls`, or `syslog+tcp` on this machine. */
  url: URL;
  format: ExportFormat;
  version: string;
  fetch: Fetch;
  token: Secret | undefined;
  signal: AbortSignal;
  /** Told before a wait that the sink asked for, in seconds. */
  onWait(seconds: number): void;
}

/** The longest wait that a sink may ask for; a longer one ends the run, and the next one goes on. */
const longestWaitSeconds = 30;
const attempts = 3;

/** Delivers one batch. Throws `service_unreachable` where nobody can be sure that it was taken, or `interrupted`. */
export async function deliver(texts: readonly string[], sink: Sink): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const refusal = await send(texts, sink);
    if (refusal === undefined) return;
    const { why, waitSeconds } = refusal;
    if (attempt === attempts || waitSeconds === undefined || waitSeconds > longestWaitSeconds) {
      const asked =
        waitSeconds === undefined || waitSeconds <= longestWaitSeconds ? '' : `, and asks to wait ${waitSeconds} s`;
      throw new AppError('service_unreachable', `${quote(sink.url.host)} did not take the copies: ${why}${asked}`, {
        hint: 'nothing is lost: the record has them, and the next run goes on with the first that was not taken',
      });
    }
    sink.onWait(waitSeconds);
    await clock.pause(waitSeconds * 1000, sink.signal);
    if (sink.signal.aborted) throw new AppError('interrupted', 'interrupted while a sink was waited for');
  }
}

/** Whether a sink takes messages of syslog, each framed by its length. */
export function takesSyslog(url: URL): boolean {
  return url.protocol.startsWith('syslog+');
}

/** Why it was not surely delivered, and how long to wait before it may be; undefined where it was. */
async function send(
  texts: readonly string[],
  { url, format, version, fetch, token, signal }: Sink,
): Promise<{ why: string; waitSeconds: number | undefined } | undefined> {
  if (takesSyslog(url)) {
    const { handToReceiver } = await import('../outside/syslog-receiver.ts');
    const refused = await handToReceiver(url, texts.join(''), { signal });
    if (signal.aborted) throw new AppError('interrupted', 'interrupted while a sink was sent copies');
    return refused === undefined ? undefined : { why: refused, waitSeconds: 1 };
  }
  const isText = format === 'cef';
  const body =
    format === 'otlp'
      ? otlpRequest(texts, version)
      : isText || format === 'jsonl'
        ? `${texts.join('\n')}\n`
        : `[${texts.join(',')}]`;
  const type = isText ? 'text/plain; charset=utf-8' : format === 'jsonl' ? 'application/x-ndjson' : 'application/json';
  let response: Response;
  let said: string;
  try {
    response = await fetch(url.href, {
      method: 'POST',
      headers: { 'content-type': type, ...(token && { authorization: `Bearer ${token.reveal()}` }) },
      body,
    });
    said = await response.text();
  } catch (error) {
    if (error instanceof AppError && error.code !== 'service_unreachable') throw error;
    return { why: error instanceof Error ? error.message : String(error), waitSeconds: 1 };
  }
  const { status } = response;
  if (status === 429 || status >= 500) return { why: `it answered ${status}`, waitSeconds: waitOf(response) };
  if (status < 200 || status > 299) return { why: `it answered ${status}`, waitSeconds: undefined };
  const why = format === 'otlp' ? unlessAccepted(response, said) : unlessTaken(response, said);
  return why === undefined ? undefined : { why, waitSeconds: undefined };
}

/** RFC 9110 section 10.2.3: seconds, or a date; a second where it does not say. */
function waitOf(response: Response): number {
  const said = response.headers.get('retry-after');
  if (said === null) return 1;
  if (/^\d{1,9}$/.test(said)) return Number(said);
  const at = Date.parse(said);
  return Number.isNaN(at) ? 1 : Math.max(0, Math.ceil((at - clock.now().getTime()) / 1000));
}

/** OTLP: JSON that rejects nothing. A page of a proxy that says 200, or a part that was refused, is no yes. */
function unlessAccepted(response: Response, said: string): string | undefined {
  if (!isJson(response)) return `it answered ${response.status} with something else than JSON`;
  const answer = recordIn(said);
  if (answer === undefined) return 'its answer is no JSON object';
  const partial = answer['partialSuccess'] ?? {};
  if (Object.keys(answer).some((name) => name !== 'partialSuccess') || typeof partial !== 'object') {
    return 'its answer is none to log records';
  }
  const { rejectedLogRecords, errorMessage = '' } = partial as Record<string, unknown>;
  const rejected = shown(rejectedLogRecords ?? 0);
  if (Number(rejected) !== 0) return `it rejected ${quote(rejected)} of them: ${quote(shown(errorMessage))}`;
  return errorMessage === '' ? undefined : `it took them and says ${quote(shown(errorMessage))}`;
}

/** A number of OTLP is one, or a text of one; anything else is none. */
function shown(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : 'what nobody can read';
}

/** Any other collector: a success whose body, if there is one, is no page for people. */
function unlessTaken(response: Response, said: string): string | undefined {
  const type = response.headers.get('content-type') ?? '';
  return said.trim() === '' || isJson(response) || type.startsWith('text/plain')
    ? undefined
    : `it answered ${response.status} with ${type === '' ? 'something' : quote(type)}, which is no answer of a collector`;
}

function isJson(response: Response): boolean {
  return /^application\/json\b/.test(response.headers.get('content-type') ?? '');
}
