/** A sign-in that is kept in a file, for tests: the real place, opened with its key. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { armor, Decrypter, Encrypter, generateIdentity, identityToRecipient } from 'age-encryption';
import type { SandboxedCommands } from './sandboxed-commands.ts';

/** What stands in the file, as JSON. */
export type KeptEntry = Partial<Record<'id_token' | 'nonce' | 'refresh_token', string>> & Record<string, unknown>;

/** The place where the commands of a test keep a sign-in. */
export interface KeptFile {
  keyFile: string;
  read(folder: string): Promise<KeptEntry | undefined>;
  write(folder: string, entry: unknown): Promise<void>;
  /** Puts another ID token into what is kept, made of the one that is there. */
  forge(folder: string, change: (idToken: string) => Promise<string> | string): Promise<void>;
}

/** Has a sandbox keep sign-ins in a file, and ask for refresh tokens. */
export async function keepSignIns(
  world: Pick<SandboxedCommands, 'sandbox' | 'configure'>,
  require?: object,
): Promise<KeptFile> {
  const identity = await generateIdentity();
  const keyFile = join(world.sandbox.folder, 'age.key');
  await writeFile(keyFile, `# made by a test\n${identity}\n`, { mode: 0o600 });
  await world.configure('interface.yaml', (content) => {
    content.identity.keep = { file: { key_file: keyFile } };
    content.identity.scopes.push('offline_access');
    content.identity.authorize_parameters = { prompt: 'consent' };
    if (require !== undefined) content.identity.require = require;
  });
  const pathIn = async (folder: string) => {
    // Those of an executable of its own are one folder deeper.
    const names = await readdir(join(folder, 'state'), { recursive: true }).catch(() => []);
    const name = names.find((each) => /(?:^|[\\/])sign-in[\\/][^\\/]+\.age$/.test(each));
    return name === undefined ? undefined : join(folder, 'state', name);
  };
  const kept: KeptFile = {
    keyFile,
    async read(folder) {
      const path = await pathIn(folder);
      if (path === undefined) return undefined;
      const decrypter = new Decrypter();
      decrypter.addIdentity(identity);
      return JSON.parse(await decrypter.decrypt(armor.decode(await readFile(path, 'utf8')), 'text')) as KeptEntry;
    },
    async write(folder, entry) {
      const encrypter = new Encrypter();
      encrypter.addRecipient(await identityToRecipient(identity));
      const text = typeof entry === 'string' ? entry : JSON.stringify(entry);
      const path = await pathIn(folder);
      if (path === undefined) throw new Error('nothing is kept there yet');
      await writeFile(path, armor.encode(await encrypter.encrypt(text)));
    },
    async forge(folder, change) {
      const entry = await kept.read(folder);
      await kept.write(folder, { ...entry, id_token: await change(entry?.id_token ?? '') });
    },
  };
  return kept;
}
