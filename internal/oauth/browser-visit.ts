import type { Fetch, HttpRules } from '../outside/http.ts';
import type { LoopbackListener, RedirectPlace } from '../outside/loopback.ts';
import type { Recorder } from '../platform/recorder.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import type { SignInAtIdp } from './id-jag.ts';

/** What a sign-in through the browser needs; the same for single sign-on and for services. */
export interface BrowserVisit {
  fetch: Fetch;
  allowLoopbackHttp: boolean;
  /** The hosts that may be inside the organization's own network. */
  reviewedHosts: ReadonlySet<string>;
  /** How the network is left, where that is not directly. */
  proxies?: HttpRules['proxies'];
  signal: AbortSignal;
  timeoutMs: number;
  /** The port that a service has to send the browser back to, instead of the one of its file. */
  callbackPort?: number | undefined;
  /** Where the browser goes once it brought an answer, instead of a page that only says how it ended. */
  returnTo?: URL | undefined;
  /** The one address that the browser comes back to, where it is at a page of ours that is no listener's. */
  returnsTo?: string | undefined;
  /** Listens where the person's browser is, where that is not this machine. */
  listen?: ((place: RedirectPlace) => Promise<LoopbackListener>) | undefined;
  /** Prints where to begin, opens it where a browser can be seen, and says what it is for. */
  show(places: VisitPlaces, purpose: string): Promise<Shown>;
  /** Says where to enter which code; there only where the person wants the device flow. */
  showCode?: ((address: URL, code: string, purpose: string) => { done(): void }) | undefined;
  /** The sign-in of the run's person, for services whose access comes through the identity provider; left out before anybody is proven. */
  atIdp?: (() => Promise<SignInAtIdp>) | undefined;
  warn(text: string): void;
  /** Records what is done at services and identity providers. */
  recorder: Recorder;
}

export interface VisitPlaces {
  /** On this machine: the browser begins here, once, and is sent on. */
  start: URL;
  /** Another such address, for a browser that is known by other means and may begin more than once. */
  anotherStart(): URL;
  /** Where it is sent on to. With it somebody else could answer in the person's place: it is never an argument. */
  authorization: URL;
  /** Where it comes back to. */
  redirectUri: string;
  /** Who answers there. */
  server: Pick<AuthorizationServer, 'issuer' | 'authorization_response_iss_parameter_supported'>;
  /** Whether the listener is told by the kernel whose a connection is. */
  namesPeers: boolean;
}

/** What the person sees while the answer is awaited. */
export interface Shown {
  /** Whether the start is an argument of a program, which every account of the machine can read. */
  startIsPublic: boolean;
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
