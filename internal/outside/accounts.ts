/** The operating system's own word on which account runs this process: its account database and machine id. */
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';

/** What the operating system says. `uid` is -1 on systems without numeric accounts. */
export interface Account {
  uid: number;
  effectiveUid: number;
  name: string;
  /** The machine id of systemd or D-Bus; undefined where there is none. */
  machineId: string | undefined;
}

/** Reads the account of the running process. Environment variables such as `USER` are not looked at (P2). */
export async function runningAccount(): Promise<Account> {
  const { uid, username } = userInfo();
  return {
    uid: process.getuid?.() ?? uid,
    effectiveUid: process.geteuid?.() ?? uid,
    name: username,
    machineId: await machineId(),
  };
}

async function machineId(): Promise<string | undefined> {
  for (const path of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    const id = await readFile(path, 'utf8').catch(() => '');
    if (/^[0-9a-f]{32}$/.test(id.trim())) return id.trim();
  }
  return undefined;
}
