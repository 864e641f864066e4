import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { skipped } from '../../test/support/skip.ts';
import { handToReceiver } from './syslog-receiver.ts';

const signal = new AbortController().signal;
const text = '12 <110>1 - - -7 message';

async function listening(server: Server, scheme: string): Promise<URL> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => void sockets.add(socket));
  await new Promise<void>((resolve) => {
    server.listen({ host: '127.0.0.1', port: 0 }, resolve);
  });
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return new URL(`${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

/** Hears what it is sent, and ends when the sender does. */
function hearing(heard: string[]) {
  return (socket: Socket) => {
    socket.on('data', (piece: Buffer) => void heard.push(piece.toString()));
    socket.on('error', () => {});
  };
}

test('a receiver that reads to the end and ends has taken it', async () => {
  const heard: string[] = [];
  const url = await listening(createServer(hearing(heard)), 'syslog+tcp');
  expect(await handToReceiver(url, text.repeat(50_000), { signal })).toBeUndefined();
  expect(heard.join('')).toBe(text.repeat(50_000));
});

test.each<[string, (socket: Socket) => unknown, RegExp]>([
  ['accepts and closes', (socket) => socket.end(), /^it closed before it had everything$/],
  ['resets', (socket) => socket.resetAndDestroy(), /ECONNRESET|it closed before/],
  ['resets after a while', (socket) => setTimeout(() => socket.resetAndDestroy(), 200), /ECONNRESET|EPIPE/],
  ['never reads', (socket) => socket.pause(), /^it has not ended in 0.5 s$/],
])('one that %s has not', async (_what, act, said) => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    act(socket);
  });
  const url = await listening(server, 'syslog+tcp');
  expect(await handToReceiver(url, text.repeat(500_000), { signal, waitMs: 500 })).toMatch(said);
});

test('nobody there, and an end from outside', async () => {
  const server = createServer();
  const url = await listening(server, 'syslog+tcp');
  await new Promise((resolve) => server.close(resolve));
  expect(await handToReceiver(url, text, { signal })).toBe('ECONNREFUSED');
  const silent = await listening(
    createServer({ allowHalfOpen: true }, () => {}),
    'syslog+tcp',
  );
  expect(await handToReceiver(silent, text, { signal: AbortSignal.timeout(200) })).toBe('it was interrupted');
});

const made = skipped(
  spawnSync('openssl', ['version']).status !== 0 && { reason: 'openssl makes a certificate', installable: false },
);
test.skipIf(made)('by TLS: to whom a trusted certificate names, and not a byte to anybody else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'receiver-'));
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
  for (const name of ['IP:127.0.0.1', 'DNS:logs.example']) {
    const { status } = spawnSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-keyout', key, '-out', cert, '-subj', '/CN=logs.example', '-addext', `subjectAltName=${name}`],
    ]);
    expect(status).toBe(0);
    const heard: string[] = [];
    const ca = await readFile(cert, 'utf8');
    const server = createTlsServer({ key: await readFile(key), cert: ca }, hearing(heard));
    server.on('tlsClientError', () => {});
    const url = await listening(server, 'syslog+tls');
    const trusted = await handToReceiver(url, text, { signal, ca });
    if (name.startsWith('IP')) expect([trusted, heard.join('')]).toEqual([undefined, text]);
    else expect([trusted, heard]).toEqual(['ERR_TLS_CERT_ALTNAME_INVALID', []]);
    const before = heard.length;
    expect(await handToReceiver(url, text, { signal })).toMatch(/SELF_SIGNED/);
    expect(heard.length).toBe(before);
  }
});
