/** A sandbox with an issuer of session tokens, a static host that serves what it publishes, and a server that verifies them. */
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type Clock, machineClock } from '../../internal/clock/clock.ts';
import { keychainSecrets } from '../../internal/stores/files/machine-secrets.ts';
import { trust } from '../../internal/verify/index.ts';
import type { CommandSetting } from './command.ts';
import { keychainInMemory, type MemoryKeychain } from './keychain-in-memory.ts';
import { newOwnershipKey, signingProgram } from './ownership-keys.ts';
import type { SandboxedCommands } from './sandboxed-commands.ts';
import { type TicketServer, ticketServer } from './ticket-server.ts';

/** What stands around the sandbox of a test. */
export interface IdentityWorld extends AsyncDisposable {
  /** The folder that the static host serves. */
  site: string;
  issuer: string;
  tickets: TicketServer;
  /** Where the private keys are. */
  keychain: MemoryKeychain;
  /** A setting of a command that has the keys, in the time of the sandbox. */
  here: Partial<CommandSetting>;
  /** The time that runs follow: that of the sandbox, with pauses that are so many times as short. */
  clock: Clock;
}

/** Makes the key of the configuration one that a program signs with, as a key service would be: nothing of ours has it. */
export async function signByProgram(world: SandboxedCommands, { here }: Pick<IdentityWorld, 'here'>): Promise<string> {
  const key = await newOwnershipKey('unnamed');
  const { kty, crv, x } = key;
  const file = join(world.sandbox.folder, 'public.jwk');
  await writeFile(file, JSON.stringify({ kty, crv, x }));
  const { kid } = await world.setupJson(['keys', 'generate', '--public-key', file], here);
  await world.configure('interface.yaml', (content) => {
    content.session_tokens.signers = [{ kid, command: [process.execPath, '-e', signingProgram(key)] }];
  });
  return String(kid);
}

/** Sets all of it up: keys are made, the agent `support` may use `tickets`, Ada has a vault. */
export async function identityWorld(
  world: SandboxedCommands,
  { lifetime = '10m', keychain = keychainInMemory() }: { lifetime?: string; keychain?: MemoryKeychain } = {},
): Promise<IdentityWorld> {
  const { sandbox } = world;
  const site = join(sandbox.folder, 'site');
  const host = createServer((request, response) => {
    readFile(join(site, (request.url ?? '/').replace('/sessions/', ''))).then(
      (body) => response.writeHead(200).end(body),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(host.address() as AddressInfo).port}/sessions`;
  const now = () => sandbox.clock.now();
  const tickets = await ticketServer((address) =>
    trust({
      audience: address,
      issuers: [
        {
          kind: 'session-token',
          issuer,
          keys: `${issuer}/keys.json`,
          statusLists: [`${issuer}/status`],
          tenants: [sandbox.platform.workspaceId],
        },
      ],
      skewSeconds: 1,
      statusFreshSeconds: 1,
      now,
    }),
  );
  await world.configure('interface.yaml', (content) => {
    content.platform.workspace_id = sandbox.platform.workspaceId;
    content.session_tokens = { issuer, publish: site, lifetime };
    content.people.groups.support.tickets = { read: 'on', write: 'on' };
  });
  await writeFile(
    join(sandbox.configFolder, 'services', 'tickets.yaml'),
    stringify({
      title: 'Tickets',
      mcp_server_url: tickets.address,
      auth: 'session-token',
      tools: { read: ['list_tickets'], write: ['close_ticket'], destructive: ['delete_all'] },
    }),
  );
  await world.configure('agents/support.yaml', (content) => {
    content.services.tickets = { write: 'ask', tools: { delete_all: 'off' } };
  });
  const clock: Clock = { ...machineClock, now: () => new Date(now()) };
  const here = {
    folder: await world.machine(),
    // Sign-ins are not kept: the provider of the sandbox goes by the time of this machine.
    kept: {
      secrets: async () => (name: string) =>
        keychainSecrets(name.includes('key') ? keychain : keychainInMemory())(name),
    },
    clock,
  };
  return {
    site,
    issuer,
    tickets,
    keychain,
    here,
    clock,
    async [Symbol.asyncDispose]() {
      await tickets[Symbol.asyncDispose]();
      host.closeAllConnections();
      await new Promise((resolve) => {
        host.close(resolve);
      });
    },
  };
}
