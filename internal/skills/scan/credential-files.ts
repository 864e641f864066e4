/** Files in which machines and people keep credentials, known by their name, whatever is in them today. */
import type { FileToScan, Hit } from './searched-file.ts';

const names: readonly (readonly [what: string, name: RegExp])[] = [
  [
    'a file of environment variables',
    /(?:^|\/)\.env(?:\.(?!(?:example|sample|template|tpl|dist|defaults?|schema)$)[\w.-]+)?$/i,
  ],
  [
    'a file of passwords',
    /(?:^|\/)(?:[._]netrc|\.pgpass|\.my\.cnf|\.git-credentials|\.htpasswd|\.pypirc|\.vault-token)$/i,
  ],
  ['a private key of SSH', /(?:^|\/)id_[a-z][a-z0-9_]*$/i],
  ['a store of keys', /\.(?:p12|pfx|jks|keystore|kdbx|ppk)$/i],
  ['a folder of credentials', /(?:^|\/)\.(?:aws|ssh|gnupg|kube)\//i],
  [
    'the credentials of a cloud tool',
    /(?:^|\/)(?:\.docker\/config\.json|application_default_credentials\.json|\.config\/gcloud\/.+)$/i,
  ],
];

/** What a name says about a file. */
export function credentialFiles({ path, bytes }: FileToScan): Hit[] {
  const what = names.find(([, name]) => name.test(path))?.[0] ?? (isPrivatePem(path, bytes) ? 'a key' : undefined);
  return what === undefined ? [] : [{ what: `it has the name of ${what}` }];
}

/** Certificates and public keys are meant to be seen, and are kept in files of the same name. */
function isPrivatePem(path: string, bytes: Uint8Array): boolean {
  if (!/\.pem$/i.test(path)) return false;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 2 ** 20)).toString('latin1');
  const parts = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,40})-----/g)].map(([, label = '']) => label);
  return parts.length === 0 || parts.some((label) => !/CERTIFICATE|PUBLIC KEY|CRL|DH PARAMETERS/.test(label));
}
