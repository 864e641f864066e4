import type { Fetch } from '../outside/http.ts';

/** What a sign-in through the browser needs; the same for single sign-on and for services. */
export interface BrowserVisit {
  fetch: Fetch;
  allowLoopbackHttp: boolean;
  signal: AbortSignal;
  timeoutMs: number;
  /** Prints the URL, opens it where a browser can be seen, and says what it is for. */
  show(url: URL, purpose: string): Promise<{ done(): void }>;
  warn(text: string): void;
}
