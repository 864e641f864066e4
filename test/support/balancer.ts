/** What stands before several replicas and knows nothing of people: each connection goes to the next one that takes it. */
import { connect, createServer, type Socket } from 'node:net';

/** A balancer that runs. */
export interface Balancer {
  origin: string;
  /** Where connections go from now on. */
  ports: number[];
  /** How many went to each port. */
  readonly sent: ReadonlyMap<number, number>;
  close(): Promise<void>;
}

/**
 * Starts one. With `fromEverywhere` each connection comes from an address of its own, as those of people do: limits of one
 * address are not what many people meet.
 */
export async function startBalancer({ fromEverywhere = false } = {}): Promise<Balancer> {
  const sent = new Map<number, number>();
  const sockets = new Set<Socket>();
  let turn = 0;
  const balancer: { ports: number[] } = { ports: [] };
  const forward = (client: Socket, left: readonly number[], from: string): void => {
    const [port, ...others] = left;
    if (port === undefined) return void client.destroy();
    const server = connect({ port, host: '127.0.0.1', localAddress: from });
    let there = false;
    sockets.add(server);
    server.on('connect', () => {
      there = true;
      sent.set(port, (sent.get(port) ?? 0) + 1);
      client.pipe(server).pipe(client);
    });
    server.on('error', () => {
      if (there) client.destroy();
      else forward(client, others, from);
    });
    server.on('close', () => {
      sockets.delete(server);
      if (there) client.destroy();
    });
    client.on('close', () => server.destroy());
  };
  const listener = createServer((client) => {
    sockets.add(client);
    client.on('error', () => {});
    client.on('close', () => sockets.delete(client));
    turn += 1;
    const { ports } = balancer;
    // All of 127.0.0.0/8 is this machine.
    const from = fromEverywhere ? `127.${1 + ((turn >> 16) & 127)}.${(turn >> 8) & 255}.${turn & 255}` : '127.0.0.1';
    forward(client, [...ports.slice(turn % ports.length), ...ports.slice(0, turn % ports.length)], from);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return Object.assign(balancer, {
    origin: `http://127.0.0.1:${port}`,
    sent,
    async close() {
      for (const each of sockets) each.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  });
}
