/** A line to a server on loopback that breaks in the middle of a large request. */
import { connect, createServer, type Socket } from 'node:net';

/** A running line. */
export interface CutLine {
  readonly baseUrl: string;
  /** How many requests were cut so far. */
  cuts(): number;
  close(): Promise<void>;
}

/** Passes everything on, and cuts any connection that has sent so many bytes. */
export async function cutLine(server: URL, afterBytes: number): Promise<CutLine> {
  const open = new Set<Socket>();
  let cuts = 0;
  const listener = createServer((near) => {
    const far = connect({ host: server.hostname, port: Number(server.port) });
    const cut = () => {
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', cut).on('close', cut);
    }
    let sent = 0;
    near.on('data', (bytes: Buffer) => {
      sent += bytes.length;
      if (sent < afterBytes) return void far.write(withHost(bytes));
      cuts += 1;
      cut();
    });
    far.on('data', (bytes: Buffer) => void near.write(bytes));
  });
  await new Promise<void>((resolve) => listener.listen({ host: '127.0.0.1', port: 0 }, resolve));
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const own = `host: 127.0.0.1:${address.port}`;
  // The server answers only to its own name. The bytes of a body stay what they are.
  const withHost = (bytes: Buffer) =>
    Buffer.from(bytes.toString('latin1').replace(new RegExp(own, 'i'), `host: ${server.host}`), 'latin1');
  return {
    baseUrl: `http://127.0.0.1:${address.port}`,
    cuts: () => cuts,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
