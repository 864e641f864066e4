/** Where the sign-in of a run is kept: the keychain unless the configuration, or the person, names something else. */
import { join } from 'node:path';
import type { Identity } from '../config/definitions.ts';
import { keepOf, readPersonalSettings } from '../config/personal-settings.ts';
import { signInAccount, signInKey } from '../identity/kept-place.ts';
import type { SsoIdentity } from '../identity/sso-provider.ts';
import { Secret } from '../secret/secret.ts';
import { encryptedSecret } from '../stores/files/machine-secrets.ts';
import type { KeptSecret } from '../stores/kept-secret.ts';
import { sha256 } from '../text/canonical.ts';
import { quote } from '../text/quote.ts';
import type { Ports } from './ports.ts';

/** Where a sign-in is kept, and what a person can do who wants it kept where it is not. */
export interface Keeping {
  /** Undefined where nothing is kept. */
  place: KeptSecret | undefined;
  instead: string | undefined;
}

/** What the configuration, the environment and a person's own settings say of keeping sign-ins. */
export async function signInKeeping(ports: Ports, identity: Identity): Promise<Keeping> {
  if (identity.mode !== 'sso') return { place: undefined, instead: undefined };
  return await keeping(ports, identity, { account: signInAccount(identity), ...signInKey(identity) });
}

/** Where something else of a person is kept: where their sign-in is, or in the keychain where nobody signs in. */
export async function secretKeeping(ports: Ports, identity: Identity, account: string): Promise<Keeping['place']> {
  if (identity.mode !== 'sso') return (await ports.secrets())?.(account);
  return (await keeping(ports, identity, { account, name: account })).place;
}

/** `account` is its name in a keychain, `name` what the name of its file is made of. */
async function keeping(
  ports: Ports,
  identity: SsoIdentity,
  { account, name }: { account: string; name: string },
): Promise<Keeping> {
  const secrets = await ports.secrets();
  const { config, state } = await ports.directories();
  const settings = await readPersonalSettings(config);
  const { keep, source } = keepOf(identity.keep, settings.keep);
  const instead = {
    default: `to keep it in an encrypted file, write "identity: { keep: { file: passphrase } }" into ${quote(settings.path)}`,
    project: `the configuration says where (identity.keep: ${JSON.stringify(keep)})`,
    personal: `you said where in ${quote(settings.path)} (identity.keep: ${JSON.stringify(keep)})`,
  }[source];
  if (keep === 'memory') return { place: undefined, instead };
  if (keep === 'keychain') return { place: secrets?.(account), instead };
  const { file: key } = keep;
  const path = join(state, 'sign-in', `${sha256(name)}.age`);
  const ask = async () => {
    if (ports.ask === undefined) return undefined;
    const what = 'the passphrase of the file that keeps the sign-in';
    return new Secret((await ports.entered({ what, command: 'login' })).trim());
  };
  const fileKey = key === 'passphrase' ? { passphrase: ask } : { path: key.key_file };
  return { place: encryptedSecret(path, fileKey), instead };
}
