/** How the scripted browser behaves. */
export interface VisitOptions {
  /** Whose button to press at the identity provider (default `ada`). */
  person?: string;
  /** Whose button to press at a service (default: the same person). */
  account?: string;
  /** Press "deny" on a service's consent page. */
  deny?: boolean;
  /** What to enter where a page asks for a code. */
  code?: string;
  /** Stop at an address that begins so, as a browser on another machine would, and show it. */
  unreachable?: string;
  /** False stops at the redirect URI, with the cookies that would be sent there. */
  comesBack?: boolean;
  /** What this browser was given where it began, which a test did for it. */
  begun?: { redirectUri: string; headers: { cookie: string } };
  /** Give up after this long (default 30 s). */
  timeoutMs?: number;
}

/** The page that the browser ended on. */
export interface LastPage {
  url: string;
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
  /** Every address that was asked for, in order. */
  passed: string[];
  /** The cookies that are sent to `url`. */
  cookie?: string;
}

/** Opens a URL as a browser would and plays the person in front of it, until a page has nothing left to press. */
export function visit(url: string, options?: VisitOptions): Promise<LastPage>;
