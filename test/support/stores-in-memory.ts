import { clock } from '../../internal/clock/clock.ts';
import type { Hold, Holder, KeptText, KeptTexts, Key, Stores, Waiting } from '../../internal/stores/kept-text.ts';

/** What several runs share that keep things in memory. */
export interface MemoryPlace {
  /** What one more run sees. */
  open(): Stores & {
    /** The run ends here and lets go of nothing. */
    die(): void;
  };
}

interface Held extends Holder {
  run: object;
}

const kinds = [
  'vaults',
  'creations',
  'journals',
  'sessions',
  'approvals',
  'quotas',
  'identities',
  'tokenStatus',
  'refreshFailures',
  'notices',
  'toldEvents',
  'confirmations',
  'signIns',
  'localAccess',
  'issuerKeys',
] as const;

/** An empty place. */
export function storesInMemory(): MemoryPlace {
  const texts = new Map<string, string>();
  const holds = new Map<string, Held>();
  const dead = new Set<object>();
  const text = (run: object, where: string): KeptText => ({
    where,
    read: async () => texts.get(where),
    write: async (value) => void texts.set(where, value),
    remove: async () => void texts.delete(where),
    async hold({ waitMs, signal }: Waiting): Promise<Hold | Holder> {
      for (const until = clock.monotonic() + waitMs; ; await clock.pause(5, signal)) {
        const held = holds.get(where);
        if (held === undefined || dead.has(held.run)) break;
        if (signal.aborted || clock.monotonic() >= until) return { called: held.called, since: held.since };
      }
      const mine = { called: 'another run in memory', since: clock.now().toISOString(), run };
      holds.set(where, mine);
      return { release: async () => void (holds.get(where) === mine && holds.delete(where)) };
    },
  });
  const kept = (run: object, kind: string): KeptTexts => {
    const those = async (keys: Iterable<string>) =>
      [...keys].filter((key) => key.startsWith(`${kind} `)).map((key) => text(run, key));
    return {
      at: ({ workspace, person, name }: Key) =>
        text(
          run,
          `${kind} ${JSON.stringify([
            workspace && [workspace.address, workspace.id],
            person && [person.kind, person.issuer, person.subject],
            name,
          ])}`,
        ),
      all: () => those(texts.keys()),
      held: () => those(holds.keys()),
    };
  };
  return {
    open() {
      const run = {};
      const stores = Object.fromEntries(kinds.map((kind) => [kind, kept(run, kind)])) as Record<
        keyof Stores,
        KeptTexts
      >;
      return { ...stores, die: () => void dead.add(run) };
    },
  };
}
