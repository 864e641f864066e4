import type { Origin } from '../outside/console-listener.ts';
import type { Caller } from './credentials.ts';
import type { Reviewed } from './current-configuration.ts';

/** What goes with each request to a console, for its routes. */
export interface RequestVariables {
  /** `id` is said with every error and every line about the request. */
  Bindings: { origin: Origin; id: string };
  Variables: { reviewed: Reviewed; caller: Caller };
}
