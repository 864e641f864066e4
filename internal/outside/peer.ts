/**
 * Who is at the other end of a connection on this machine, as the kernel of Linux says: the uid that owns the other
 * socket (proc(5), `/proc/net/tcp`). Nobody can say it for somebody else. Other systems do not tell.
 */

import { open } from 'node:fs/promises';
import type { AddressInfo, Server, Socket } from 'node:net';
import { endianness } from 'node:os';
import { clock } from '../clock/clock.ts';

/**
 * Whose program it is. `unknown` where nothing on this machine is told to own the other end; `gone` where it closed the
 * connection before that was asked: then nobody is there who could be told anything, or be taken for anybody.
 */
export type Peer =
  | { kind: 'own' }
  | { kind: 'root' }
  | { kind: 'other'; uid: number }
  | { kind: 'unknown' }
  | { kind: 'gone' };

interface End {
  address: string;
  port: number;
}

/** The states of a socket that its program still holds: of any other the kernel no longer knows whose it was, and says 0. */
const established = '01';
const listening = '0A';

/** How often the table is read again for a line that is not there: it is written in pieces while it changes. */
const mostReadings = 3;
const pauseMs = 5;

/** The kernel gives no more at once. */
const longestPiece = 4096;

/** Whether this kernel names the owners of sockets: our own listening one is looked for. */
export async function namesPeers(server: Server): Promise<boolean> {
  const { address, port } = server.address() as AddressInfo;
  const anywhere = { address: address === '::1' ? '::' : '0.0.0.0', port: 0 };
  const uid = await ownerOf({ address, port }, anywhere, listening);
  return uid !== undefined && uid === process.getuid?.();
}

/** Who is at the other end of an accepted connection. */
export async function peerOf(socket: Socket): Promise<Peer> {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  const own = process.getuid?.();
  if (process.platform !== 'linux' || own === undefined) return { kind: 'unknown' };
  if (
    remoteAddress === undefined ||
    remotePort === undefined ||
    localAddress === undefined ||
    localPort === undefined
  ) {
    return { kind: 'gone' };
  }
  // The other socket's own end is our remote one.
  const uid = await ownerOf(
    { address: remoteAddress, port: remotePort },
    { address: localAddress, port: localPort },
    established,
  );
  // While the table was read again, whatever the other end did has come here.
  if (uid === undefined) return { kind: socket.destroyed || socket.readableEnded ? 'gone' : 'unknown' };
  if (uid === own) return { kind: 'own' };
  return uid === 0 ? { kind: 'root' } : { kind: 'other', uid };
}

async function ownerOf(local: End, remote: End, state: string): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined;
  for (let reading = 0; reading < mostReadings; reading += 1) {
    if (reading > 0) await clock.pause(pauseMs);
    for (const table of ['tcp', 'tcp6']) {
      const uid = await ownerInTable(`/proc/self/net/${table}`, local, remote, state).catch(() => undefined);
      if (uid !== undefined) return uid;
    }
  }
  return undefined;
}

/** Reads a table as far as the line: the kernel writes it piece by piece, and has many connections that are over in it. */
async function ownerInTable(path: string, local: End, remote: End, state: string): Promise<number | undefined> {
  const file = await open(path);
  try {
    const piece = Buffer.allocUnsafe(longestPiece);
    let begun = '';
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, piece.length);
      const text = begun + piece.toString('latin1', 0, bytesRead);
      const whole = text.lastIndexOf('\n') + 1;
      const uid = ownerIn(text.slice(0, whole), local, remote, state);
      if (uid !== undefined || bytesRead === 0) return uid;
      begun = text.slice(whole);
    }
  } finally {
    await file.close();
  }
}

/** The uid in the line of a table that is about exactly this socket. */
export function ownerIn(table: string, local: End, remote: End, state: string): number | undefined {
  const [here, there] = [spellings(local), spellings(remote)];
  for (const line of table.split('\n')) {
    if (!here.some((end) => line.includes(end))) continue;
    const [, from = '', to = '', inState, , , , uid = ''] = line.trim().split(/\s+/);
    if (inState === state && here.includes(from) && there.includes(to) && /^\d+$/.test(uid)) return Number(uid);
  }
  return undefined;
}

/** An end as the tables spell it, in the one of IPv4 or of IPv6, which also holds mapped addresses. */
function spellings({ address, port }: End): string[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const v4 = /^(?:::ffff:)?(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)?.slice(1).map(Number);
  if (v4 !== undefined) {
    const mapped = [...Array<number>(10).fill(0), 0xff, 0xff, ...v4];
    return [`${words(v4)}:${hexPort}`, `${words(mapped)}:${hexPort}`];
  }
  const v6 = [...Array<number>(15).fill(0), address === '::1' ? 1 : 0];
  return address === '::1' || address === '::' ? [`${words(v6)}:${hexPort}`] : [];
}

/** Bytes in network order, as 32-bit words in the order of this machine. */
function words(bytes: readonly number[]): string {
  const hex = bytes.map((byte) => byte.toString(16).toUpperCase().padStart(2, '0'));
  const grouped = Array.from({ length: hex.length / 4 }, (_, index) => hex.slice(index * 4, index * 4 + 4));
  return grouped.map((word) => (endianness() === 'LE' ? word.toReversed() : word).join('')).join('');
}
