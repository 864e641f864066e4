import type { ClientEntry } from './enter-client.ts';
import type { KnownClients } from './known-clients.ts';

/** Where clients come from, beside the service itself. */
export interface ClientSource {
  known: KnownClients;
  entry: ClientEntry;
}
