/** A line to a PostgreSQL server on which each piece that a client sends is judged: passed on, cut, or held back and sent later. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/**
 * What becomes of a piece, and what of its connection. `cut`: the piece never comes there, and both ends hear that the connection
 * is lost. `hold`: the client hears so, and the piece waits.
 */
export type Fate = 'pass' | 'cut' | 'hold';

const sync = Buffer.from([0x53, 0, 0, 0, 4]);

/** A running line. */
export interface WatchedLine {
  readonly port: number;
  /** Sends what was held back. The server reads it, and nobody its answer. */
  release(): void;
  close(): Promise<void>;
}

/** Starts one. The pieces of a connection are judged one after another, and those of others meanwhile. */
export async function watchedLine(port: number, judge: (piece: string) => Fate | Promise<Fate>): Promise<WatchedLine> {
  const open = new Set<Socket>();
  const held: (() => void)[] = [];
  const listener = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port });
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => {}).on('close', () => open.delete(socket));
    }
    let isHeld = false;
    far.on('data', (bytes) => void near.write(bytes));
    far.on('close', () => near.destroy());
    near.on('close', () => {
      if (!isHeld) far.end();
    });
    void (async () => {
      const kept: Buffer[] = [];
      for await (const bytes of near as AsyncIterable<Buffer>) {
        const fate: Fate = isHeld ? 'hold' : await judge(bytes.toString('latin1'));
        if (fate === 'pass') {
          far.write(bytes);
          continue;
        }
        isHeld = fate === 'hold';
        if (isHeld) kept.push(bytes);
        else far.destroy();
        // What is held back is a statement as a whole: it ends with Sync.
        if (isHeld && !bytes.subarray(-5).equals(sync)) continue;
        held.push(() => void far.write(Buffer.concat(kept)));
        near.destroy();
        return;
      }
    })().catch(() => {});
  });
  listener.listen({ host: '127.0.0.1', port: 0 });
  await once(listener, 'listening');
  const address = listener.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    release() {
      for (const send of held.splice(0)) send();
    },
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
