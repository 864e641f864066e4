/** One HTTP request exactly as told: any method, any path, any header, no redirect followed. */
import { request } from 'node:http';

/** What is sent beside the address. */
export interface Question {
  method?: string;
  /** The request target, sent as it is; by default that of the URL. */
  target?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** What came back. */
export interface Answered {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** Asks a server on this machine. */
export async function ask(url: string, question: Question = {}): Promise<Answered> {
  const { hostname, port, pathname, search } = new URL(url);
  return await new Promise((resolve, reject) => {
    const sent = request(
      {
        host: hostname.replace(/^\[|\]$/g, ''),
        port,
        path: question.target ?? `${pathname}${search}`,
        method: question.method ?? 'GET',
        headers: { host: `${hostname}:${port}`, ...question.headers },
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(question.body);
  });
}

/** Asks, and goes on where the answer sends a browser. */
export async function askOn(url: string): Promise<Answered> {
  const first = await ask(url);
  return first.status === 302 ? await ask(String(first.headers['location'])) : first;
}
