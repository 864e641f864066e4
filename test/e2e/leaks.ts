/** Looks for secrets in everything a run left behind, in the forms in which they get about. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Outcome } from '../demo/executables.ts';

/** A text that must hold no secret, and where it is from. */
export interface Trace {
  readonly where: string;
  readonly text: string;
}

/** What commands printed, one trace per stream. */
export function printed(outcomes: readonly Outcome[]): Trace[] {
  return outcomes.flatMap(({ command, stdout, stderr }) => [
    { where: `arguments of ${command}`, text: command },
    { where: `stdout of ${command}`, text: stdout },
    { where: `stderr of ${command}`, text: stderr },
  ]);
}

/** Every file below a folder, names included. Read as Latin-1, which keeps every byte of a binary file. */
export async function filesIn(folder: string): Promise<Trace[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return Promise.all(
    entries
      .filter((entry) => !entry.isDirectory())
      .map(async (entry) => {
        const file = join(entry.parentPath, entry.name);
        const where = relative(folder, file);
        // Of a link, where it leads: that of a lock leads nowhere.
        const text = entry.isSymbolicLink() ? await readlink(file) : await readFile(file, 'latin1');
        return { where, text: `${where}\n${text}` };
      }),
  );
}

/** Where a secret occurs, and in which form. The secret itself is not repeated. */
export function findLeaks(secrets: Iterable<string>, traces: readonly Trace[]): string[] {
  const leaks: string[] = [];
  for (const secret of new Set(secrets)) {
    for (const [form, text] of Object.entries(formsOf(secret))) {
      for (const trace of traces) {
        const at = trace.text.indexOf(text);
        if (at >= 0) leaks.push(`${trace.where}, character ${at}: a secret of ${secret.length} characters, ${form}`);
      }
    }
  }
  return leaks;
}

/** A secret as it may appear in a text, as it is and encoded. */
function formsOf(secret: string): Record<string, string> {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((offset) => inBase64(bytes, offset));
  return {
    'as it is': secret,
    'percent-encoded': encodeURIComponent(secret),
    'as a form field': new URLSearchParams({ '': secret }).toString().slice(1),
    'in JSON': JSON.stringify(secret).slice(1, -1),
    'in hex': bytes.toString('hex'),
    ...Object.fromEntries(base64.map((text, offset) => [`in base64 (${offset})`, text])),
    ...Object.fromEntries(base64.map((text, offset) => [`in base64url (${offset})`, toUrlAlphabet(text)])),
    // A prefix is enough to recognise a token by, and half of one is as good as a leak.
    'its first half': secret.slice(0, Math.max(16, Math.ceil(secret.length / 2))),
    'its second half': secret.slice(-Math.max(16, Math.ceil(secret.length / 2))),
  };
}

/** The part of a base64 text that is the same whatever stands around the secret, `offset` bytes into a group of three. */
function inBase64(bytes: Buffer, offset: number): string {
  const whole = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
  const end = Math.floor(((offset + bytes.length) * 8) / 6);
  return whole.slice(Math.ceil((offset * 8) / 6), end);
}

function toUrlAlphabet(base64: string): string {
  return base64.replaceAll('+', '-').replaceAll('/', '_');
}
