/** A keychain like that of a Linux desktop, for one test: a message bus and a Secret Service of its own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { Missing } from './skip.ts';

/** The variables by which a program finds a keychain. */
export type KeychainEnvironment = Record<'DBUS_SESSION_BUS_ADDRESS' | 'HOME' | 'XDG_RUNTIME_DIR', string>;

const programs = ['dbus-daemon', 'dbus-send', 'gnome-keyring-daemon'];

/** Why a real keychain cannot be started here; false where it can. */
export function missingSecretService(): Missing | false {
  const missing = programs.filter((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).error !== undefined);
  return missing.length > 0 && { reason: `no ${missing.join(', ')} for a keychain`, installable: true };
}

/** Where a program finds no message bus, and so no keychain: a server, a container, a session of ssh. */
export const noSecretService: KeychainEnvironment = {
  DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent',
  HOME: '/nonexistent',
  XDG_RUNTIME_DIR: '/nonexistent',
};

/** The keys that the kernel holds for processes like this one, as it lists them; empty on other systems. */
export function keysOfTheKernel(): string {
  return process.platform === 'linux' ? readFileSync('/proc/keys', 'utf8') : '';
}

/** Starts a keychain, unlocked and empty. It ends with the test. */
export async function startSecretService(): Promise<KeychainEnvironment> {
  const { environment, close } = await openSecretService();
  onTestFinished(close);
  return environment;
}

/** The same, for as long as whoever opened it wants. */
export async function openSecretService(): Promise<{ environment: KeychainEnvironment; close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'keychain-'));
  const children: ChildProcess[] = [];
  const close = async () => {
    for (const child of children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  };
  const places = { HOME: join(folder, 'home'), XDG_RUNTIME_DIR: join(folder, 'run') };
  for (const place of Object.values(places)) await mkdir(place, { mode: 0o700 });
  // biome-ignore lint/style/noProcessEnv: the programs need their PATH
  const base = { PATH: process.env['PATH'], ...places };

  const bus = spawn('dbus-daemon', ['--session', '--nofork', '--print-address'], {
    env: base,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(bus);
  const [address] = (await once(bus.stdout.setEncoding('utf8'), 'data')) as [string];
  const environment = { ...places, DBUS_SESSION_BUS_ADDRESS: address.trim() };

  const keyring = spawn('gnome-keyring-daemon', ['--foreground', '--unlock', '--components=secrets'], {
    env: { ...base, ...environment },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  children.push(keyring);
  keyring.stdin.end('the password of the keychain');
  for (let tries = 0; !isThere({ ...base, ...environment }); tries += 1) {
    if (tries > 100) throw new Error('the keychain did not start');
    await sleep(50);
  }
  return { environment, close };
}

function isThere(env: NodeJS.ProcessEnv): boolean {
  const asked = ['--session', '--print-reply', '--dest=org.freedesktop.DBus', '/org/freedesktop/DBus'];
  const { stdout } = spawnSync(
    'dbus-send',
    [...asked, 'org.freedesktop.DBus.NameHasOwner', 'string:org.freedesktop.secrets'],
    { env, encoding: 'utf8' },
  );
  return stdout.includes('boolean true');
}

/** Locks the keychain: what is read from it then waits for a dialog, and there is nobody to show one. */
export function lockSecretService(environment: KeychainEnvironment): void {
  const asked = ['--session', '--print-reply', '--dest=org.freedesktop.secrets', '/org/freedesktop/secrets'];
  const collection = 'array:objpath:/org/freedesktop/secrets/collection/login';
  const { status, stderr } = spawnSync(
    'dbus-send',
    [...asked, 'org.freedesktop.Secret.Service.Lock', collection],
    // biome-ignore lint/style/noProcessEnv: the program needs its PATH
    { env: { PATH: process.env['PATH'], ...environment }, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`the keychain could not be locked: ${stderr}`);
}

/** A message bus that takes every connection and never says a word: what asks a keychain there waits for good. */
export async function startSilentBus(): Promise<KeychainEnvironment> {
  const folder = await mkdtemp(join(tmpdir(), 'silent-'));
  const path = join(folder, 'bus');
  const server = createServer((socket) => socket.on('error', () => {})).listen(path);
  await once(server, 'listening');
  onTestFinished(async () => {
    server.close();
    await rm(folder, { recursive: true, force: true });
  });
  return { DBUS_SESSION_BUS_ADDRESS: `unix:path=${path}`, HOME: folder, XDG_RUNTIME_DIR: folder };
}
