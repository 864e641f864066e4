/**
 * Texts that are kept in files: one file each (0600 in 0700), named by a digest of its key, and a mutex beside it. Nothing is
 * believed that another account could have written.
 */
import { basename, dirname, join } from 'node:path';
import { listFolder, removeFile, writeText } from '../../outside/files.ts';
import { takeMutex } from '../../outside/mutex.ts';
import { ownFile, readTrusted, requireOwnFolder } from '../../outside/trusted-file.ts';
import type { Hold, Holder, KeptText, KeptTexts, Stores, Waiting } from '../kept-text.ts';
import { digestsOf } from '../key-digest.ts';

/** One kind of file. */
interface Shelf {
  /** The folder of the product that this one lies in. */
  root: string;
  folder: string;
  suffix?: string;
  longestBytes: number;
  /** Whether only who holds a text writes it: then they remove what a killed writer left beside it. */
  heldToWrite?: boolean;
}

/** The stores of this machine, in the folders for what may be forgotten and for what may not. */
export function fileStores({ cache, state }: { cache: string; state: string }): Stores {
  return {
    // An id or a mark, and nothing else.
    vaults: keptFiles({ root: cache, folder: 'vaults', longestBytes: 256 }),
    creations: keptFiles({ root: state, folder: 'creations', longestBytes: 256 }),
    // A hundred ids and ten grants, every character of which may be escaped.
    journals: keptFiles({
      root: state,
      folder: 'connecting',
      suffix: '.json',
      longestBytes: 4 * 2 ** 20,
      heldToWrite: true,
    }),
    // 256 tools with their names are less.
    sessions: keptFiles({ root: state, folder: 'sessions', suffix: '.json', longestBytes: 512 * 1024 }),
    approvals: keptFiles({ root: state, folder: 'approvals', suffix: '.json', longestBytes: 64 * 1024 }),
    // Ten thousand uses.
    quotas: keptFiles({ root: state, folder: 'quotas', suffix: '.json', longestBytes: 2 * 2 ** 20 }),
    // As those of a session, with the groups of its person.
    identities: keptFiles({ root: state, folder: 'identities', suffix: '.json', longestBytes: 512 * 1024 }),
    // Every place taken.
    tokenStatus: keptFiles({ root: state, folder: 'token-status', suffix: '.json', longestBytes: 8 * 2 ** 20 }),
    // A time.
    refreshFailures: keptFiles({ root: state, folder: 'refresh-failures', longestBytes: 256 }),
    // Whom it concerns, and the approvers that the configuration names.
    notices: keptFiles({ root: state, folder: 'notices', suffix: '.json', longestBytes: 256 * 1024 }),
    // A few ids and a time.
    toldEvents: keptFiles({ root: state, folder: 'told-events', suffix: '.json', longestBytes: 4096 }),
    confirmations: keptFiles({ root: state, folder: 'configurations', suffix: '.json', longestBytes: 256 * 1024 }),
    // More than a subject and an e-mail address.
    signIns: keptFiles({ root: state, folder: 'sign-in', suffix: '.person.json', longestBytes: 16 * 1024 }),
    localAccess: keptFiles({ root: state, folder: 'local-access', longestBytes: 256 }),
    issuerKeys: keptFiles({ root: cache, folder: 'issuer-keys', longestBytes: 16 * 1024 }),
  };
}

function keptFiles({ root, folder: name, suffix = '', longestBytes, heldToWrite = false }: Shelf): KeptTexts {
  const folder = join(root, name);
  const requireOwn = async () => {
    for (const each of [root, folder]) await requireOwnFolder(each);
  };
  const file = (stem: string, ...older: readonly string[]): KeptText => {
    const paths = [stem, ...older].map((each) => join(folder, `${each}${suffix}`));
    const where = join(folder, `${stem}${suffix}`);
    return {
      where,
      async read() {
        await requireOwn();
        for (const path of paths) {
          const text = await readTrusted(path, ownFile(longestBytes));
          if (text !== undefined) return text;
        }
        return undefined;
      },
      async write(text) {
        await requireOwn();
        await writeText(where, text, 'private');
      },
      async remove() {
        for (const path of paths) await removeFile(path);
      },
      async hold(waiting) {
        await requireOwn();
        const mutex = join(folder, `${stem}.lock`);
        return await holdFile(mutex, waiting, heldToWrite ? [where, mutex] : []);
      },
    };
  };
  const withEnd = async (end: string) => {
    const names = ((await listFolder(folder)) ?? []).map((entry) => entry.name);
    return names
      .filter((each) => each.endsWith(end) && /^[0-9a-f]{64}$/.test(each.slice(0, each.length - end.length)))
      .map((each) => file(each.slice(0, each.length - end.length)));
  };
  return {
    at: (key) => file(...digestsOf(key)),
    all: () => withEnd(suffix),
    held: () => withEnd('.lock'),
  };
}

/** Takes a mutex that is a file. `tidy`: beside which files the one who holds it removes what others began to write. */
export async function holdFile(path: string, waiting: Waiting, tidy: readonly string[]): Promise<Hold | Holder> {
  const mutex = await takeMutex({ path, ...waiting });
  if (!('release' in mutex)) return { called: `process ${mutex.pid}`, since: mutex.since };
  try {
    for (const each of tidy) await removeUnfinished(each);
    return mutex;
  } catch (error) {
    await mutex.release();
    throw error;
  }
}

/** What a killed run was writing beside a file. */
async function removeUnfinished(path: string): Promise<void> {
  const [folder, name] = [dirname(path), basename(path)];
  for (const { name: each } of (await listFolder(folder)) ?? []) {
    if (each.startsWith(`${name}.`) && each.endsWith('.tmp')) await removeFile(join(folder, each));
  }
}
