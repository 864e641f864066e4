/** What a run at a terminal keeps for the next one: in files of this machine, and in its keychain. */
import { join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { openKeychain } from '../outside/keychain.ts';
import type { RecordLog } from '../record/record-log.ts';
import type { Ports } from '../run/ports.ts';
import { fileStores } from '../stores/files/kept-files.ts';
import { keychainSecrets } from '../stores/files/machine-secrets.ts';
import type { KeptSecrets } from '../stores/kept-secret.ts';
import type { Stores } from '../stores/kept-text.ts';
import { quote } from '../text/quote.ts';

/** The stores of this machine. */
export async function machineStores({ directories }: Pick<Ports, 'directories'>): Promise<Stores> {
  return fileStores(await directories());
}

/** The record of this machine. */
export async function machineRecord({ directories }: Pick<Ports, 'directories'>): Promise<RecordLog> {
  const { recordIn } = await import('../record/log.ts');
  return recordIn({ folder: join((await directories()).state, 'record') });
}

/** The keychain of this machine, unless `MAI_KEYCHAIN` says to leave it alone. */
export function machineSecrets({
  environment,
  signal,
}: Pick<Ports, 'environment' | 'signal'>): KeptSecrets | undefined {
  const said = environment.MAI_KEYCHAIN;
  if (said === undefined) return keychainSecrets(openKeychain(signal));
  if (said === 'off') return undefined;
  throw new AppError('usage', `MAI_KEYCHAIN is ${quote(said)}, expected "off" or nothing`);
}
