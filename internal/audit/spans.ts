/**
 * Spans that the platform exported, in a file of OTLP as JSON: a request a line, as the file exporter of the OpenTelemetry
 * collector writes it. Of a span only its trace, its name, its time and its session are read.
 */
import { AppError } from '../errors/app-error.ts';
import { readLines } from '../outside/read-lines.ts';
import { text } from '../platform/reading.ts';
import { quote } from '../text/quote.ts';
import { isRecord } from '../text/record.ts';

/** A span. */
export interface Span {
  /** 32 hex digits; empty where it says none. */
  trace: string;
  name: string;
  /** RFC 3339; empty where it says none. */
  at: string;
  /** The session that it names. */
  session: string | undefined;
}

/** No request of a collector comes near so many bytes. */
const longestLine = 64 * 1024 * 1024;

/** Every span of a file. Throws `usage` where a line is no JSON, `file_system`. */
export async function* readSpans(path: string): AsyncGenerator<Span, void, undefined> {
  let line = 0;
  for await (const lines of readLines(path, longestLine)) {
    for (const { bytes } of lines) {
      line += 1;
      const request = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8').trim();
      if (request !== '') yield* spansOf(parsed(request, path, line));
    }
  }
}

function parsed(request: string, path: string, line: number): unknown {
  try {
    return JSON.parse(request);
  } catch {
    throw new AppError('usage', `${quote(path)} has no OTLP as JSON in line ${line}`, {
      hint: 'a request a line is read, as the file exporter of the OpenTelemetry collector writes it',
    });
  }
}

function* spansOf(request: unknown): Generator<Span, void, undefined> {
  for (const resource of listIn(request, 'resourceSpans')) {
    const around = sessionIn(member(resource, 'resource'));
    for (const scope of listIn(resource, 'scopeSpans')) {
      for (const span of listIn(scope, 'spans')) {
        yield {
          trace: traceIdOf(member(span, 'traceId')),
          name: text(member(span, 'name')) ?? '',
          at: timeOf(member(span, 'startTimeUnixNano')),
          session: sessionIn(span) ?? around,
        };
      }
    }
  }
}

/** OTLP's JSON has hex, the JSON of protobuf has base64. */
function traceIdOf(value: unknown): string {
  if (typeof value !== 'string') return '';
  if (/^[0-9a-f]{32}$/i.test(value)) return value.toLowerCase();
  const bytes = Buffer.from(value, 'base64');
  return bytes.length === 16 ? bytes.toString('hex') : '';
}

function timeOf(value: unknown): string {
  const time = new Date(typeof value === 'string' || typeof value === 'number' ? Number(value) / 1e6 : Number.NaN);
  return Number.isNaN(time.getTime()) ? '' : time.toISOString();
}

/** `anthropic.session.id`, as the SDK writes it, or another name that ends alike. */
const sessionKey = /(^|[._])session[._]id$/i;

function sessionIn(holder: unknown): string | undefined {
  for (const attribute of listIn(holder, 'attributes')) {
    if (!sessionKey.test(text(member(attribute, 'key')) ?? '')) continue;
    const value = text(member(member(attribute, 'value'), 'stringValue'));
    if (value !== undefined && value !== '') return value;
  }
  return undefined;
}

function member(holder: unknown, name: string): unknown {
  return isRecord(holder) ? holder[name] : undefined;
}

function listIn(holder: unknown, name: string): readonly unknown[] {
  const list = member(holder, name);
  return Array.isArray(list) ? list : [];
}
