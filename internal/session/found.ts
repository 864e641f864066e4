import type { Client } from '../platform/client.ts';

/** A session as the platform answers it. */
export type FoundSession = Awaited<ReturnType<Client['beta']['sessions']['retrieve']>>;
