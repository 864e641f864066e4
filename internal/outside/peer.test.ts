import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { endianness } from 'node:os';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ask } from '../../test/support/ask.ts';
import { cannotLend } from '../../test/support/lent-process.ts';
import { skipped } from '../../test/support/skip.ts';
import { namesPeers, ownerIn, type Peer, peerOf } from './peer.ts';

const elsewhere = skipped(
  process.platform === 'linux' ? false : { reason: 'only Linux names the owners of sockets', installable: false },
);
const alone = elsewhere || skipped(await cannotLend(65534));

async function serve(host: string): Promise<{ server: Server; port: number; peers: Peer[] }> {
  const peers: Peer[] = [];
  const server = createServer(async ({ socket }, response) => {
    peers.push(await peerOf(socket));
    response.end();
  });
  server.listen({ host, port: 0 });
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { server, port: (server.address() as AddressInfo).port, peers };
}

describe.skipIf(elsewhere)('the kernel', () => {
  test.each(['127.0.0.1', '::1'])(
    'says of a connection to %s that it is our own, and that it says so',
    async (host) => {
      const { server, port, peers } = await serve(host);
      expect(await namesPeers(server)).toBe(true);
      await ask(`http://${host === '::1' ? '[::1]' : host}:${port}/`);
      expect(peers).toEqual([{ kind: 'own' }]);
    },
  );

  test.skipIf(alone)('says which other account it is', async () => {
    const { port, peers } = await serve('127.0.0.1');
    const script = `require('node:http').get('http://127.0.0.1:${port}/', (r) => r.resume())`;
    await once(spawn(process.execPath, ['-e', script], { uid: 65534, gid: 65534, cwd: '/', env: {} }), 'close');
    expect(peers).toEqual([{ kind: 'other', uid: 65534 }]);
  });

  test('says that one is gone: it is not taken for root, for us, or for a stranger', async () => {
    let accepted: Socket | undefined;
    const { server, port } = await serve('127.0.0.1');
    server.on('connection', (socket: Socket) => {
      accepted = socket;
    });
    const answered = ask(`http://127.0.0.1:${port}/`);
    await answered;
    expect(accepted && (await peerOf(accepted))).toEqual({ kind: 'gone' });
  });
});

describe.skipIf(endianness() === 'BE')('a table', () => {
  const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
  const line = (from: string, to: string, state: string, uid: number) =>
    `   0: ${from} ${to} ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 4242 1 0000000000000000\n`;
  const browser = { address: '127.0.0.1', port: 0xabcd };
  const us = { address: '127.0.0.1', port: 0x1f90 };

  test.each<[string, string, number | undefined]>([
    ['the line of the other end', line('0100007F:ABCD', '0100007F:1F90', '01', 1000), 1000],
    ['our own line, the other way round', line('0100007F:1F90', '0100007F:ABCD', '01', 1000), undefined],
    ['one that is being closed, which says 0', line('0100007F:ABCD', '0100007F:1F90', '06', 0), undefined],
    ['one to another port', line('0100007F:ABCD', '0100007F:1F91', '01', 1000), undefined],
    ['one from another address', line('0200007F:ABCD', '0100007F:1F90', '01', 1000), undefined],
    [
      'the one of a socket for both families',
      line('0000000000000000FFFF00000100007F:ABCD', '0000000000000000FFFF00000100007F:1F90', '01', 1000),
      1000,
    ],
    ['a line that broke off', '   0: 0100007F:ABCD 0100007F:1F90 01 00000000:0000', undefined],
    ['nothing', '', undefined],
  ])('with %s', (_what, text, uid) => {
    expect(ownerIn(head + text, browser, us, '01')).toBe(uid);
  });

  test('of IPv6', () => {
    const text = line('00000000000000000000000001000000:ABCD', '00000000000000000000000001000000:1F90', '01', 7);
    expect(ownerIn(head + text, { address: '::1', port: 0xabcd }, { address: '::1', port: 0x1f90 }, '01')).toBe(7);
  });
});
