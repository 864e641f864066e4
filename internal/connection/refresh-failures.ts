/** What the platform said of credentials that it could not renew. It says so once, whoever listens: later nothing of a credential shows it. */
import type { KeptText, Stores } from '../stores/kept-text.ts';

/** When a credential could not be renewed. */
export interface RefreshFailures {
  /** Undefined where nobody said so. */
  read(credentialId: string): Promise<Date | undefined>;
  note(credentialId: string, at: Date): Promise<void>;
  /** It is gone. */
  forget(credentialId: string): Promise<void>;
}

/** Those of one platform. A damaged text says nothing. */
export function refreshFailuresOf(
  { refreshFailures }: Pick<Stores, 'refreshFailures'>,
  address: string,
): RefreshFailures {
  const at = (name: string): KeptText => refreshFailures.at({ workspace: { address, id: undefined }, name });
  return {
    async read(credentialId) {
      const time = new Date((await at(credentialId).read()) ?? '');
      return Number.isNaN(time.getTime()) ? undefined : time;
    },
    note: async (credentialId, time) => await at(credentialId).write(time.toISOString()),
    forget: async (credentialId) => await at(credentialId).remove(),
  };
}
