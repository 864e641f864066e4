/**
 * An address in a file that only its owner can read, for a browser to be started with in the place of the address itself:
 * what a program is started with can be read by every account of the machine.
 */

import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { clock } from '../clock/clock.ts';
import { requireOwnFolder } from './trusted-file.ts';

/** A file that leads on to an address; to be removed when nobody has to go there any more. */
export interface RedirectFile {
  url: URL;
  remove(): Promise<void>;
}

/** No sign-in lasts longer: what a killed run left is of no use to anybody by then. */
const longestMs = 24 * 60 * 60 * 1000;

/** Writes the file, 0600 in a folder of 0700. Undefined where that cannot be done or the folder is not the person's own. */
export async function redirectFile(folder: string, address: URL): Promise<RedirectFile | undefined> {
  const path = join(folder, `${randomBytes(8).toString('hex')}.html`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await requireOwnFolder(folder);
    await removeOld(folder);
    await writeFile(path, pageTo(address), { mode: 0o600, flag: 'wx' });
  } catch {
    return undefined;
  }
  return { url: pathToFileURL(path), remove: () => rm(path, { force: true }) };
}

async function removeOld(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (clock.now().getTime() - (await stat(path)).mtimeMs > longestMs) await rm(path, { force: true });
  }
}

/** The address is one of ours: letters, digits and what stands between them in an address. */
function pageTo({ href }: URL): string {
  const address = href.replace(/[&"<>]/g, (char) => `&#${char.charCodeAt(0)};`);
  return `<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url=${address}">
<title>One moment</title>
<p><a href="${address}">Go on</a></p>
`;
}
