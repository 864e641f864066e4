/**
 * `Headers`, `Response` and `FormData` without undici: to touch one of Node's own costs a short command a seventh of its
 * processor time. As much of each as we and our libraries use, which in the executables get these too (cmd/build.mjs), with
 * the behaviour of the Fetch standard for it. The types are those of Node, for the libraries' sake: what is not here is
 * `undefined` where Node has it, and `Request` is nowhere.
 */

type Fields = ConstructorParameters<typeof globalThis.Headers>[0];

/** RFC 9110 section 5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;

class OwnHeaders implements Omit<globalThis.Headers, 'keys' | 'values' | 'forEach'> {
  /** Values by lower-cased name; several of one name are kept apart, since of cookies they stay so. */
  readonly #fields = new Map<string, string[]>();

  constructor(fields?: Fields) {
    if (fields === undefined || fields === null) return;
    const pairs = Symbol.iterator in fields ? fields : Object.entries(fields);
    for (const [name, value] of pairs as Iterable<[string, string]>) this.append(name, value);
  }

  append(name: string, value: string): void {
    const [key, clean] = [keyOf(name), cleanValue(name, value)];
    const known = this.#fields.get(key);
    if (known === undefined) this.#fields.set(key, [clean]);
    else known.push(clean);
  }

  set(name: string, value: string): void {
    this.#fields.set(keyOf(name), [cleanValue(name, value)]);
  }

  get(name: string): string | null {
    return this.#fields.get(keyOf(name))?.join(', ') ?? null;
  }

  has(name: string): boolean {
    return this.#fields.has(keyOf(name));
  }

  delete(name: string): void {
    this.#fields.delete(keyOf(name));
  }

  getSetCookie(): string[] {
    return [...(this.#fields.get('set-cookie') ?? [])];
  }

  *entries(): IterableIterator<[string, string]> {
    for (const name of [...this.#fields.keys()].sort()) {
      const values = this.#fields.get(name) ?? [];
      if (name !== 'set-cookie') yield [name, values.join(', ')];
      else for (const value of values) yield [name, value];
    }
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  /** Libraries tell one by it that is not of their own class. */
  get [Symbol.toStringTag](): string {
    return 'Headers';
  }
}

function keyOf(name: string): string {
  const text = String(name);
  if (!token.test(text)) throw new TypeError(`not a header name: ${JSON.stringify(text)}`);
  return text.toLowerCase();
}

/** The value is not repeated in the error: it may be a secret. */
function cleanValue(name: string, value: string): string {
  const text = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
  if (/[\0\r\n]|[^\0-\xff]/.test(text)) throw new TypeError(`the value of the header ${String(name)} cannot be sent`);
  return text;
}

/** What an answer's body can be made of. */
type Source = string | Uint8Array | AsyncIterable<Uint8Array>;

interface Head {
  status?: number;
  statusText?: string;
  headers?: Fields;
}

const bodiless = [101, 204, 205, 304];

class OwnResponse
  implements
    Pick<
      globalThis.Response,
      | 'status'
      | 'statusText'
      | 'headers'
      | 'ok'
      | 'url'
      | 'redirected'
      | 'type'
      | 'body'
      | 'bodyUsed'
      | 'text'
      | 'json'
      | 'arrayBuffer'
      | 'clone'
    >
{
  readonly status: number;
  readonly statusText: string;
  readonly headers: globalThis.Headers;
  readonly url: string = '';
  readonly redirected: boolean = false;
  readonly type: ResponseType = 'default';
  #source: Source | null;
  #stream: ReadableStream<Uint8Array> | undefined;
  #used = false;

  constructor(source: Source | null = null, { status = 200, statusText = '', headers }: Head = {}) {
    if (!(status >= 200 && status <= 599)) throw new RangeError(`not a status of an answer: ${status}`);
    if (source !== null && bodiless.includes(status)) throw new TypeError(`an answer of ${status} has no body`);
    [this.status, this.statusText] = [status, statusText];
    this.headers = new Headers(headers);
    if (typeof source === 'string' && !this.headers.has('content-type')) {
      this.headers.set('content-type', 'text/plain;charset=UTF-8');
    }
    this.#source = source;
  }

  get ok(): boolean {
    return this.status >= 200 && this.status <= 299;
  }

  /** Made when it is first looked at: to make one loads all of Node's web streams. */
  get body(): globalThis.Response['body'] {
    if (this.#source === null) return null;
    this.#stream ??= streamOf(this.#source);
    return this.#stream as globalThis.Response['body'];
  }

  get bodyUsed(): boolean {
    return this.#used || (this.#stream !== undefined && isDisturbed(this.#stream));
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await this.#bytes());
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text()) as unknown;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await this.#bytes();
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  }

  clone(): globalThis.Response {
    this.#refuseUsed();
    if (this.#source === null || (isWhole(this.#source) && this.#stream === undefined))
      return new Response(this.#source as string | null, this);
    const [one, other] = (this.#stream ?? streamOf(this.#source)).tee();
    [this.#source, this.#stream] = [one as AsyncIterable<Uint8Array>, one];
    return new Response(other as ReadableStream, this);
  }

  /** Libraries tell one by it that is not of their own class. */
  get [Symbol.toStringTag](): string {
    return 'Response';
  }

  async #bytes(): Promise<Uint8Array> {
    this.#refuseUsed();
    this.#used = this.#source !== null;
    if (this.#source === null) return new Uint8Array();
    const source = this.#stream ?? this.#source;
    if (typeof source === 'string') return Buffer.from(source);
    if (source instanceof Uint8Array) return source;
    const pieces: Uint8Array[] = [];
    for await (const piece of source) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  #refuseUsed(): void {
    if (this.bodyUsed || this.#stream?.locked === true) throw new TypeError('the body of the answer was read before');
  }
}

/** All of it is here. */
function isWhole(source: Source): source is string | Uint8Array {
  return typeof source === 'string' || source instanceof Uint8Array;
}

function streamOf(source: Source): ReadableStream<Uint8Array> {
  if (source instanceof ReadableStream) return source as ReadableStream<Uint8Array>;
  if (!isWhole(source)) return ReadableStream.from(source);
  return ReadableStream.from([typeof source === 'string' ? Buffer.from(source) : source]);
}

function isDisturbed(stream: ReadableStream): boolean {
  return process.getBuiltinModule('node:stream').Readable.isDisturbed(stream as never);
}

class OwnFormData implements Pick<globalThis.FormData, 'append'> {
  readonly #entries: [string, string | File][] = [];

  append(name: string, value: string | Blob, fileName?: string): void {
    const isFile = value instanceof Blob;
    const named = isFile && (fileName !== undefined || !(value instanceof File));
    const entry = named ? new File([value], fileName ?? 'blob', { type: value.type }) : value;
    this.#entries.push([name, isFile ? (entry as File) : String(entry)]);
  }

  [Symbol.iterator](): IterableIterator<[string, string | File]> {
    return this.#entries.values();
  }
}

type ResponseType = globalThis.Response['type'];

export type Headers = globalThis.Headers;
export type Response = globalThis.Response;
export const Headers: typeof globalThis.Headers = OwnHeaders as unknown as typeof globalThis.Headers;
export const Response: Omit<typeof globalThis.Response, 'error' | 'json' | 'redirect'> &
  (new (
    source?: Source | ReadableStream | null,
    head?: Head,
  ) => globalThis.Response) = OwnResponse as unknown as typeof globalThis.Response & (new () => globalThis.Response);
export const FormData: typeof globalThis.FormData = OwnFormData as unknown as typeof globalThis.FormData;
