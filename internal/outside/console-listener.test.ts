/** A console's own certificate, renewed while it runs. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { skipped } from '../../test/support/skip.ts';
import { listenForConsole } from './console-listener.ts';

const soon = { timeout: 30_000 };

const withoutOpenssl = skipped(
  spawnSync('openssl', ['version']).status !== 0 && { reason: 'openssl makes certificates', installable: false },
);

test.skipIf(withoutOpenssl)('a new certificate counts for new connections, and never one without its key', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'certificate-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const files = (name: string) => ({ certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) });
  for (const name of ['one', 'two']) {
    const { certificate, key } = files(name);
    const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    spawnSync('openssl', [...words, '-subj', `/CN=${name}`, '-out', certificate, '-keyout', key]);
    await chmod(key, 0o600);
  }
  const used = files('used');
  const use = async (name: string, what: 'certificate' | 'key') => await copyFile(files(name)[what], used[what]);
  await use('one', 'certificate');
  await use('one', 'key');
  await chmod(used.key, 0o600);
  const told: string[] = [];
  const listener = await listenForConsole(
    { host: '127.0.0.1', port: 0, tls: used, trustedProxies: [] },
    () => new Response('here'),
    (change) => void told.push(change === 'renewed' ? change : change.message),
    10,
  );
  onTestFinished(() => listener.close());
  const subject = async () => {
    const socket = connect({ host: '127.0.0.1', port: listener.port, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return CN;
  };
  expect(await subject()).toBe('one');
  await use('two', 'certificate');
  await expect.poll(() => told, soon).toEqual(['certificate and private key do not go together']);
  expect(await subject()).toBe('one');
  await use('two', 'key');
  await expect.poll(() => told, soon).toEqual([expect.anything(), 'renewed']);
  expect(await subject()).toBe('two');
  await rm(used.certificate);
  await expect.poll(() => told.length, soon).toBe(3);
  expect([told[2], await subject()]).toEqual([expect.stringContaining('there is no certificate'), 'two']);
});
