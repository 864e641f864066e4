/** `config/session-keys.json`: the public keys of session tokens, written by the commands and reviewed like code. */
import { join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import type { Recorder } from '../platform/recorder.ts';
import { type ReviewedFile, reviewedFile } from '../stores/files/reviewed-file.ts';
import { sha256 } from '../text/canonical.ts';
import { quote } from '../text/quote.ts';
import { formatKeys, parseKeys, type TokenKey } from './keys.ts';

/** How long another run is waited for that writes it. */
const mutexWaitMs = 10_000;

/** The keys of a configuration folder; none where there is no file. Throws `config_invalid`. */
export async function readTokenKeys(configFolder: string): Promise<TokenKey[]> {
  const file = fileIn(configFolder);
  const text = await file.read();
  return text === undefined ? [] : await parseKeys(text, file.where);
}

/** Changes the keys as they are now. Throws `already_running`, and what `change` throws; then nothing is written. */
export async function changeTokenKeys(
  configFolder: string,
  { signal, recorder }: { signal: AbortSignal; recorder: Recorder },
  change: (keys: readonly TokenKey[]) => Promise<readonly TokenKey[]>,
): Promise<readonly TokenKey[]> {
  const file = fileIn(configFolder);
  const held = await file.hold({ signal, waitMs: mutexWaitMs });
  if (!('release' in held)) {
    throw new AppError(
      'already_running',
      `another run writes ${quote(file.where)} (${held.called}, since ${held.since})`,
    );
  }
  try {
    const before = await file.read();
    const keys = await change(before === undefined ? [] : await parseKeys(before, file.where));
    const text = formatKeys(keys);
    if (text === before) return keys;
    await recorder.act(
      { act: 'session_keys.write', target: { kind: 'session_keys', id: undefined, label: file.where } },
      (announced) => file.write(text, announced),
      () => ({ made: `sha256:${sha256(text)}` }),
    );
    return keys;
  } finally {
    await held.release();
  }
}

function fileIn(configFolder: string): ReviewedFile {
  return reviewedFile(join(configFolder, 'session-keys.json'));
}
