/** A socket that nothing may reach: it counts who connects, and hangs up. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { onTestFinished } from 'vitest';

/** A listening socket on 127.0.0.1. It ends with the test that started it. */
export interface SilentListener {
  port: number;
  /** How many connections were opened to it so far. */
  connections(): number;
}

/** Starts a listener. */
export async function startSilentListener(): Promise<SilentListener> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  }).listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}
