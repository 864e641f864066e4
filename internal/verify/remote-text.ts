/** Reads one small text of a static host: no redirect, limited in time and size. */

/** What could not be had from a static host. Everything that needs it is refused meanwhile, and may be tried again. */
export class Unavailable extends Error {}

/** How texts are asked for. */
export interface Asking {
  fetch: typeof fetch;
  /** Milliseconds since 1970. */
  now(): number;
}

const timeoutMs = 5000;

/** The text at an address. Throws {@link Unavailable}. */
export async function readRemoteText(
  address: string,
  { fetch }: Asking,
  accept: string,
  mostBytes: number,
): Promise<string> {
  try {
    const response = await fetch(address, {
      headers: { accept },
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.status !== 200 || response.body === null) {
      await response.body?.cancel();
      throw new Unavailable(`${address} answered ${response.status}`);
    }
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      // Leaving the loop ends the answer.
      if (length > mostBytes) throw new Unavailable(`${address} answered more than ${mostBytes} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  } catch (cause) {
    if (cause instanceof Unavailable) throw cause;
    throw new Unavailable(`${address} could not be read`, { cause });
  }
}

/** Whether an address may be trusted with keys: https, or this machine. */
export function isTrustworthy(address: string): boolean {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return false;
  }
  const local = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  return (
    url.username === '' &&
    url.password === '' &&
    url.hash === '' &&
    (url.protocol === 'https:' || (url.protocol === 'http:' && local))
  );
}
