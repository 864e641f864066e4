import type { IncomingMessage } from 'node:http';
import { ApiError, invalidRequest } from './api-error.ts';

/** Documented: a body may have 32 MB. */
const bodyLimit = 32 * 1024 * 1024;

/** Reads and parses the body of a request: JSON, or a form where `takesForm`; undefined when there is none. */
export async function readBody(request: IncomingMessage, takesForm: boolean): Promise<unknown> {
  const bytes = await readBytes(request);
  const contentType = request.headers['content-type'] ?? '';
  if (takesForm) return parseForm(bytes, contentType);
  if (bytes.length === 0) return undefined;
  if (!/^application\/json\b/i.test(contentType)) throw invalidRequest('content-type: expected application/json');
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw invalidRequest('the body is not valid JSON');
  }
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    // The rest is still read, and thrown away: a client in the middle of sending would not see the answer.
    if (size <= bodyLimit) pieces.push(piece);
  }
  if (size > bodyLimit) throw new ApiError(413, 'the body exceeds 32 MB');
  return Buffer.concat(pieces);
}

async function parseForm(bytes: Buffer, contentType: string): Promise<FormData> {
  if (!/^multipart\/form-data\b/i.test(contentType)) throw invalidRequest('content-type: expected multipart/form-data');
  try {
    return await new Response(bytes, { headers: { 'content-type': contentType } }).formData();
  } catch {
    throw invalidRequest('the body is not valid multipart/form-data');
  }
}
