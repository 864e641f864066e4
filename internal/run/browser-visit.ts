/** How a run sends somebody to a browser: through the port of whoever started it, and out through a guarded fetch. */
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import { guardedFetch } from '../outside/http.ts';
import { recorderFor } from './actor.ts';
import type { Ports } from './ports.ts';
import { proxiesOf } from './way-out.ts';

/** The browser visit of one run, of nobody who is proven yet; `command` is how to run it where somebody is. */
export function browserVisit(ports: Ports, command: string, reviewedHosts: ReadonlySet<string>): BrowserVisit {
  const { environment, tell, signal, browser } = ports;
  const allowLoopbackHttp = environment.MAI_ALLOW_LOOPBACK_HTTP === '1';
  if (allowLoopbackHttp) tell.warn('MAI_ALLOW_LOOPBACK_HTTP is set: http on loopback is allowed, for tests only');
  const proxies = proxiesOf({ environment, tell });
  return {
    ...browser(command),
    fetch: guardedFetch({ allowLoopbackHttp, reviewedHosts, proxies, signal }),
    proxies,
    allowLoopbackHttp,
    reviewedHosts,
    signal,
    warn: tell.warn,
    recorder: recorderFor(ports),
  };
}
