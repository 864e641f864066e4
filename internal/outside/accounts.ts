/** The operating system's own word on which account runs this process: its account database, its kernel, its machine id. */
import { readFile, readlink, statfs } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';

/** The three ids that a process has of a kind (credentials(7)); all equal unless something changed them. */
export interface Ids {
  real: number;
  effective: number;
  saved: number;
}

/** A process that this one descends from. */
export interface Ancestor {
  /** The name of its program, as the kernel keeps it. */
  program: string;
  /** Its real uid. */
  uid: number;
}

/** What the operating system says. Ids are -1 on systems without numeric accounts. */
export interface Account {
  uids: Ids;
  gids: Ids;
  /** Undefined where the account database has no entry for the uid. */
  name: string | undefined;
  /** Whether uids mean what they mean to the machine; in a user namespace of one's own anybody can pick one. */
  ownUids: boolean;
  /** Who logged in, as the kernel's audit keeps it through su and sudo; undefined where it keeps nothing. */
  loginUid: number | undefined;
  /** The processes that this one descends from, as far as they can be seen; none on systems without `/proc`. */
  ancestors: readonly Ancestor[];
  /** The machine id of systemd or D-Bus; undefined where there is none. */
  machineId: string | undefined;
  /** The kind of file system that the state folder is on (statfs(2)); undefined where its numbers mean nothing known. */
  stateFileSystem: number | undefined;
}

/** Reads the account of the running process. Environment variables such as `USER` are not looked at (P2). */
export async function runningAccount(stateFolder: string): Promise<Account> {
  const status = await statusOf('self');
  const [ownUids, loginUid, ancestors, machine, stateFileSystem] = await Promise.all([
    hasMachineUids(),
    readLoginUid(),
    ancestorsFrom(status),
    machineId(),
    fileSystemOf(stateFolder),
  ]);
  return {
    uids: status?.uids ?? twoIds(process.getuid?.(), process.geteuid?.()),
    gids: status?.gids ?? twoIds(process.getgid?.(), process.getegid?.()),
    name: accountName(),
    ownUids,
    loginUid,
    ancestors,
    machineId: machine,
    stateFileSystem,
  };
}

/** Without `/proc` the saved id is not told. */
function twoIds(real = -1, effective = -1): Ids {
  return { real, effective, saved: effective };
}

/** The name of the running account; undefined where the account database has none. It proves nothing (P2). */
export function accountName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

/** The number of the first user namespace, the same on every machine (PROC_USER_INIT_INO of Linux). */
const firstNamespace = 'user:[4026531837]';

/**
 * The first user namespace of Linux has a number of its own and maps every uid to itself; other systems have no such thing.
 * Both are asked: whoever has a namespace may mount what they like over either.
 */
async function hasMachineUids(): Promise<boolean> {
  if (process.platform !== 'linux') return true;
  const [map, isProcfs, namespace] = await Promise.all([
    kernelText('/proc/self/uid_map'),
    isKernels('/proc/self/ns'),
    readlink('/proc/self/ns/user').catch(() => ''),
  ]);
  return isProcfs && namespace === firstNamespace && /^\s*0\s+0\s+4294967295\s*$/.test(map);
}

/** The kernel's way to say that nobody logged in: a service, or a machine without audit. */
const noLogin = 4_294_967_295;

async function readLoginUid(): Promise<number | undefined> {
  const text = (await kernelText('/proc/self/loginuid')).trim();
  return /^\d+$/.test(text) && Number(text) !== noLogin ? Number(text) : undefined;
}

interface Status {
  program: string;
  parent: number;
  uids: Ids;
  gids: Ids;
}

/** Longer than any chain of parents that people make. */
const mostAncestors = 100;

async function ancestorsFrom(self: Status | undefined): Promise<Ancestor[]> {
  const ancestors: Ancestor[] = [];
  let parent = self?.parent ?? 0;
  while (parent > 0 && ancestors.length < mostAncestors) {
    const status = await statusOf(parent);
    if (status === undefined) break;
    ancestors.push({ program: status.program, uid: status.uids.real });
    parent = status.parent;
  }
  return ancestors;
}

/** What proc_pid_status(5) says of a process; undefined where it is gone, hidden or on another system. */
async function statusOf(process: number | 'self'): Promise<Status | undefined> {
  const text = await kernelText(`/proc/${process}/status`);
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(text)?.[1] ?? '';
  const ids = (name: string): Ids | undefined => {
    const [real, effective, saved] = field(name).split(/\s+/).map(Number);
    return real === undefined || effective === undefined || saved === undefined
      ? undefined
      : { real, effective, saved };
  };
  const [uids, gids] = [ids('Uid'), ids('Gid')];
  if (uids === undefined || gids === undefined) return undefined;
  return { program: field('Name'), parent: Number(field('PPid')), uids, gids };
}

async function machineId(): Promise<string | undefined> {
  for (const path of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    const id = (await textOf(path)).trim();
    if (/^[0-9a-f]{32}$/.test(id)) return id;
  }
  return undefined;
}

/** Of a folder that is not there yet: that of the nearest one above it, where it would be made. */
async function fileSystemOf(folder: string): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined;
  try {
    return (await statfs(folder)).type;
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
    return missing && dirname(folder) !== folder ? await fileSystemOf(dirname(folder)) : undefined;
  }
}

/** The kind of the file system that the kernel tells of processes in (statfs(2)). */
const procfs = 0x9fa0;

async function isKernels(path: string): Promise<boolean> {
  const { type } = await statfs(path).catch(() => ({ type: 0 }));
  return type === procfs;
}

/** A file of /proc that the kernel itself wrote: one that was mounted over it is as good as none. */
async function kernelText(path: string): Promise<string> {
  return (await isKernels(path)) ? await textOf(path) : '';
}

/** Empty where there is nothing to read: what is not told is judged as such. */
async function textOf(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => '');
}
