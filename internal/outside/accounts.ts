/** The operating system's own word on which account runs this process: its account database and machine id. */
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';

/** What the operating system says. `uid` is -1 on systems without numeric accounts. */
export interface Account {
  uid: number;
  effectiveUid: number;
  /** Undefined where the account database has no entry for the uid. */
  name: string | undefined;
  /** Whether uids mean what they mean to the machine; in a user namespace of one's own anybody can pick one. */
  ownUids: boolean;
  /** The machine id of systemd or D-Bus; undefined where there is none. */
  machineId: string | undefined;
}

/** Reads the account of the running process. Environment variables such as `USER` are not looked at (P2). */
export async function runningAccount(): Promise<Account> {
  return {
    uid: process.getuid?.() ?? -1,
    effectiveUid: process.geteuid?.() ?? -1,
    name: accountName(),
    ownUids: await hasMachineUids(),
    machineId: await machineId(),
  };
}

function accountName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

/** The initial user namespace of Linux maps every uid to itself; other systems have no such thing. */
async function hasMachineUids(): Promise<boolean> {
  if (process.platform !== 'linux') return true;
  const map = await readFile('/proc/self/uid_map', 'utf8').catch(() => '');
  return /^\s*0\s+0\s+4294967295\s*$/.test(map);
}

async function machineId(): Promise<string | undefined> {
  for (const path of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    const id = await readFile(path, 'utf8').catch(() => '');
    if (/^[0-9a-f]{32}$/.test(id.trim())) return id.trim();
  }
  return undefined;
}
