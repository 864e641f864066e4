/** The body of an upload: a form with files in it, as RFC 7578 and the Fetch standard write one. */
import { randomBytes } from 'node:crypto';

/** A body that is written piece by piece: of many files, one is in memory a second time. */
export interface Multipart {
  contentType: string;
  /** In bytes. */
  length: number;
  pieces(): AsyncGenerator<Uint8Array, void, undefined>;
}

/** The body of a form. What its texts hold can end no line and no part. */
export function multipartOf(form: Iterable<[string, string | File]>): Multipart {
  const boundary = `form-${randomBytes(16).toString('hex')}`;
  const parts = [...form].map(([name, value]) => {
    const disposition = `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(withCrLf(name))}"`;
    if (typeof value === 'string') return { head: `${disposition}\r\n\r\n${withCrLf(value)}`, file: undefined };
    const type = value.type === '' ? 'application/octet-stream' : value.type;
    return { head: `${disposition}; filename="${quoted(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`, file: value };
  });
  const end = `--${boundary}--\r\n`;
  const lengths = parts.map(({ head, file }) => Buffer.byteLength(head) + (file?.size ?? 0) + 2);
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    length: lengths.reduce((sum, length) => sum + length, Buffer.byteLength(end)),
    async *pieces() {
      for (const { head, file } of parts) {
        yield Buffer.from(head);
        if (file !== undefined) yield new Uint8Array(await file.arrayBuffer());
        yield Buffer.from('\r\n');
      }
      yield Buffer.from(end);
    },
  };
}

/** The text with lines that end with CRLF, whatever ended them before. */
function withCrLf(text: string): string {
  return text.replace(/\r\n?|\n/g, '\r\n');
}

function quoted(text: string): string {
  return text.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22');
}
