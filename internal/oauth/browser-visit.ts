import type { Fetch } from '../outside/http.ts';

/** What a sign-in through the browser needs; the same for single sign-on and for services. */
export interface BrowserVisit {
  fetch: Fetch;
  allowLoopbackHttp: boolean;
  /** The hosts that may be inside the organization's own network. */
  reviewedHosts: ReadonlySet<string>;
  signal: AbortSignal;
  timeoutMs: number;
  /** The port that a service has to send the browser back to, instead of the one of its file. */
  callbackPort?: number | undefined;
  /** Where the browser goes once it brought an answer, instead of a page that only says how it ended. */
  returnTo?: URL | undefined;
  /** Prints the URL, opens it where a browser can be seen, and says what it is for and where it comes back to. */
  show(url: URL, purpose: string, redirectUri: string): Promise<Shown>;
  /** Says where to enter which code; there only where the person wants the device flow. */
  showCode?: ((address: URL, code: string, purpose: string) => { done(): void }) | undefined;
  warn(text: string): void;
}

/** What the person sees while the answer is awaited. */
export interface Shown {
  /** Ends what says that something is awaited. */
  done(): void;
  /** Asks at the terminal for the address that the browser ended at; left out where only the listener waits. */
  prompt?(entry: Entry): { close(): void };
}

/** What to do with what is entered at the terminal. */
export interface Entry {
  /** Judges one entry: why it is not the answer, in words that repeat nothing of it, or undefined when the wait is over. */
  enter(text: string): string | undefined;
  /** Ctrl-C was pressed. */
  interrupt(): void;
}
