/** TLS as it has to be: nobody switches its proof off, or writes its keys down, for all programs of a shell at once. */
import { AppError } from '../errors/app-error.ts';
import type { Environment } from '../run/environment.ts';

/** Flags of Node that weaken each TLS connection, or write down what decrypts it (P3). */
const weakening = ['--tls-cipher-list', '--tls-min-v1.0', '--tls-min-v1.1', '--tls-keylog'];

/**
 * Throws `tls_weakened` where the environment has Node believe any server, take old protocols and ciphers, or keep the keys of
 * its connections in a file. Which authorities are believed stays a matter of the machine.
 */
export function requireVerifiedTls({ NODE_TLS_REJECT_UNAUTHORIZED: rejects, NODE_OPTIONS: flags }: Environment): void {
  const refuse = (what: string, remedy: string) => {
    throw new AppError('tls_weakened', `${what}: tokens would go to whoever is in between`, { hint: remedy });
  };
  // Node takes no other value for "off".
  if (rejects === '0') {
    refuse(
      'NODE_TLS_REJECT_UNAUTHORIZED=0 lets any server be any other',
      'unset it; to trust the authority of your organization as well: NODE_EXTRA_CA_CERTS=<file>',
    );
  }
  // Node takes "_" for "-" in its flags, and quotation marks around them.
  const names = (flags ?? '').split(/[\s"']+/).map((flag) => flag.split('=', 1)[0]?.replaceAll('_', '-'));
  const found = weakening.find((flag) => names.includes(flag));
  if (found !== undefined) refuse(`NODE_OPTIONS has ${found}`, `take ${found} out of NODE_OPTIONS`);
}
