/** What is said of a file of NODE_EXTRA_CA_CERTS is what Node makes of it: each is given to a process of its own as well. */
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { extraAuthorities } from './extra-authorities.ts';

let folder: string;
let pem: string;
let other: string;
let server: ReturnType<typeof createServer>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'authorities-'));
  const made = async (name: string) => {
    const [out, keyout] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
    const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
    spawnSync('openssl', [...words, ...names, '-out', out, '-keyout', keyout]);
    return { cert: await readFile(out, 'utf8'), key: await readFile(keyout, 'utf8') };
  };
  const one = await made('one');
  pem = one.cert;
  other = (await made('two')).cert;
  server = createServer(one, (_request, response) => void response.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

const asks = `
require('node:https').get({ host: '127.0.0.1', port: process.argv[1] }, (response) => {
  console.log('trusted');
  response.resume();
}).on('error', ({ code }) => console.log(code));
`;

/** Whether Node trusts our server for the sake of a file. */
async function isTrusted(path: string): Promise<boolean> {
  const { port } = server.address() as AddressInfo;
  const env = { NODE_EXTRA_CA_CERTS: path };
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', asks, String(port)], { env });
  return stdout.trim() === 'trusted';
}

const der = () => Buffer.from(pem.replaceAll(/-----.*-----|\s/g, ''), 'base64');
const noCertificate = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

describe('a file', () => {
  test.each<[string, () => string | Buffer, count: number, flaw: string | undefined, trusted: boolean]>([
    ['with a certificate', () => pem, 1, undefined, true],
    ['with several', () => `${other}${pem}`, 2, undefined, true],
    ['with the lines of Windows', () => pem.replaceAll('\n', '\r\n'), 1, undefined, true],
    [
      'with words and a key around it',
      () => `Bag Attributes\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n${pem}x`,
      1,
      undefined,
      true,
    ],
    ['of the older name', () => pem.replaceAll('CERTIFICATE', 'X509 CERTIFICATE'), 1, undefined, true],
    ...(
      [
        ['with a stray character', () => pem.replace(/\n(?=.*\n.*END)/, '*\n')],
        ['in the letters of URLs', () => pem.replace(/\n[\s\S]*?-----END/, (text) => `${text.replace(/[A-Z]/, '_')}`)],
        ['without its padding', () => `${pem.replace(/=*\n-----END/, '=====\n-----END')}`],
        ['whose end is that of another kind', () => pem.replace('END CERTIFICATE', 'END X509 CERTIFICATE')],
      ] as const
    ).map(
      ([what, text]) =>
        [what, text, 0, 'its certificate cannot be read, which ends it', false] as [
          string,
          () => string,
          number,
          string,
          boolean,
        ],
    ),
    [
      'whose second is none',
      () => `${pem}${noCertificate}${other}`,
      1,
      'its certificate 2 of 3 cannot be read, which ends it',
      true,
    ],
    [
      'whose first is none',
      () => `${noCertificate}${pem}`,
      0,
      'its certificate 1 of 2 cannot be read, which ends it',
      false,
    ],
    ['that is cut off', () => pem.slice(0, 300), 0, 'its certificate cannot be read, which ends it', false],
    ['that is indented', () => pem.replaceAll(/^/gm, '  '), 0, 'there is no certificate in it (PEM)', false],
    ['in DER', () => der(), 0, 'it is in DER, and PEM is read', false],
    ['with nothing in it', () => '', 0, 'there is no certificate in it (PEM)', false],
    ['with a page', () => '<h1>Sign in</h1>', 0, 'there is no certificate in it (PEM)', false],
  ])('%s', async (_case, content, count, flaw, trusted) => {
    const path = join(folder, 'looked-at.pem');
    await writeFile(path, content());
    expect(await extraAuthorities(path)).toEqual({ count, flaw });
    expect(await isTrusted(path)).toBe(trusted);
  });

  test('that is not there, or a folder', async () => {
    const [missing, instead] = [join(folder, 'missing.pem'), join(folder, 'folder.pem')];
    await mkdir(instead);
    expect(await extraAuthorities(missing)).toEqual({ count: 0, flaw: 'it is not there' });
    expect(await extraAuthorities(instead)).toEqual({ count: 0, flaw: 'it cannot be read (EISDIR)' });
    expect([await isTrusted(missing), await isTrusted(instead)]).toEqual([false, false]);
  });
});
