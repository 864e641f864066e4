/**
 * The file of NODE_EXTRA_CA_CERTS as Node reads it. Node says little of one that it cannot use: a warning where it is missing or
 * cut off, and not a word of a folder, of an empty file, or of a certificate in DER. Whoever set it believes it counts.
 */
import { X509Certificate } from 'node:crypto';
import { FileError, readBytes } from './files.ts';

/** What Node makes of it. */
export interface ExtraAuthorities {
  /** How many certificates count. */
  count: number;
  /** Why none does, or not all; undefined where all do. */
  flaw: string | undefined;
}

/** Far more than the authorities of the world. */
const longestBytes = 16 * 1024 * 1024;

/** Looks at such a file, and trusts nobody for it. */
export async function extraAuthorities(path: string): Promise<ExtraAuthorities> {
  try {
    const bytes = await readBytes(path, longestBytes);
    return bytes === undefined ? { count: 0, flaw: 'it is not there' } : authoritiesIn(bytes);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { count: 0, flaw: `it cannot be read (${error.reason})` };
  }
}

/** PEM (RFC 7468) as OpenSSL reads it: other text and other blocks are passed over, and a certificate that is none ends it. */
function authoritiesIn(bytes: Buffer): ExtraAuthorities {
  let count = 0;
  // Up to the next such line, which has to be the end of the same kind; OpenSSL itself reads what is between.
  const blocks = bytes
    .toString('latin1')
    .matchAll(/^-----BEGIN ((?:X509 )?CERTIFICATE)-----\s.*?^-----(?:END \1-----)?/gms);
  const begun = bytes.toString('latin1').match(/^-----BEGIN (?:X509 )?CERTIFICATE-----/gm)?.length ?? 0;
  for (const [block] of blocks) {
    if (!isCertificate(Buffer.from(block, 'latin1'))) break;
    count += 1;
  }
  if (count < begun) {
    const which = begun === 1 ? 'its certificate' : `its certificate ${count + 1} of ${begun}`;
    return { count, flaw: `${which} cannot be read, which ends it` };
  }
  if (count > 0) return { count, flaw: undefined };
  return {
    count,
    flaw: isCertificate(bytes) ? 'it is in DER, and PEM is read' : 'there is no certificate in it (PEM)',
  };
}

function isCertificate(derOrPem: Buffer): boolean {
  try {
    return new X509Certificate(derOrPem).raw.length > 0;
  } catch {
    return false;
  }
}
