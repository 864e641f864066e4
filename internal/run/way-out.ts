/** How the requests of a run leave the network. */
import { type Proxies, proxiesFrom } from '../outside/proxies.ts';
import { quote } from '../text/quote.ts';
import type { Ports } from './ports.ts';

/** The proxies of a run; undefined where everything is reached directly. Throws `usage` for one that cannot be used. */
export function proxiesOf({ environment, tell }: Pick<Ports, 'environment' | 'tell'>): Proxies | undefined {
  return proxiesFrom(environment, (host) =>
    tell.detail(`${quote(host)} has no address here: where it leads is judged by the proxy alone`),
  );
}
