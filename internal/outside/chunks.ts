/**
 * The files beside an executable that hold what is loaded when a command needs it (cmd/build.mjs), and V8's code cache of
 * each: what a command compiled once is read back afterwards, which costs a third of compiling it.
 *
 * Whoever can write the cache decides what runs. So it lies beside the code, never in a folder of caches; it is written by
 * the owner of the code alone; and it is read only where code, folder and cache have one owner and nobody else may write
 * them. V8 judges for itself whether a cache fits it (version, flags), but believes the rest of what it is given: a cache
 * that was damaged is told by its checksum, one of other code by the digest in the name of the file.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Script } from 'node:vm';

/** As in CommonJS. */
export type Require = (id: string) => unknown;

interface Module {
  exports: unknown;
}

/** The body of each module by its name. */
type Bodies = Readonly<Record<string, (module: Module, exports: unknown, require: Require) => void>>;

/** A cache that may be used. */
interface Cache {
  /** The chunks that had been run when it was made. */
  chunks: readonly string[];
  code: Buffer;
}

/** Writable for group or others. */
const writableForOthers = 0o022;

/**
 * What stands in for `require` in an executable, `executable` by name. `files` tells which files of the folder hold its
 * modules, each with the names of its chunks between blanks; what is none of these can only be a built-in module.
 */
export function requireFrom(folder: string, executable: string, files: Readonly<Record<string, string>>): Require {
  setFlags(executable);
  const modules = new Map<string, Module>();
  const bodies: Record<string, Bodies[string]> = {};
  const fileOf = (id: string) => Object.keys(files).find((file) => files[file]?.split(' ').includes(id)) ?? '';
  const require: Require = (id) => {
    if (!id.startsWith('./')) return lateModules.has(id) ? whenUsed(id) : process.getBuiltinModule(id);
    const known = modules.get(id);
    if (known !== undefined) return known.exports;
    if (bodies[id] === undefined) Object.assign(bodies, compiled(folder + fileOf(id), modules));
    const module: Module = { exports: {} };
    modules.set(id, module);
    bodies[id]?.(module, module.exports, require);
    return module.exports;
  };
  return require;
}

/** Built-in modules that most runs import and do not use, and that bring many others along. */
const lateModules = new Set([
  'node:child_process',
  'node:module',
  'node:readline',
  'node:readline/promises',
  'node:zlib',
]);

/** A built-in module that is loaded when something of it is used for the first time. */
function whenUsed(id: string): object {
  const module = () => process.getBuiltinModule(id) as object;
  return new Proxy(
    {},
    {
      get: (_, name) => Reflect.get(module(), name),
      ownKeys: () => Reflect.ownKeys(module()),
      getOwnPropertyDescriptor: (_, name) => ({
        ...Reflect.getOwnPropertyDescriptor(module(), name),
        configurable: true,
      }),
    },
  );
}

/** Compiles a file, with its cache where there is one; a run of its owner that uses chunks for the first time adds them. */
function compiled(path: string, modules: ReadonlyMap<string, unknown>): Bodies {
  const source = readAll(openSync(path, constants.O_RDONLY)).toString('latin1');
  const kind = isLong() ? '-long' : '';
  const cachePath = `${path.replace(/\.js$/, '')}.${process.version}-${process.arch}${kind}.cache`;
  const owner = ownerOf(path);
  const cache = owner === undefined ? undefined : readCache(cachePath, owner);
  const script = new Script(source, { filename: path, ...(cache && { cachedData: cache.code }) });
  const known = cache === undefined || script.cachedDataRejected === true ? [] : cache.chunks;
  const bodies = (script.runInThisContext() as (path: string) => Bodies)(path);
  if (owner !== undefined && owner === process.geteuid?.()) {
    atExit(() => {
      const used = Object.keys(bodies).filter((id) => modules.has(id));
      if (used.some((id) => !known.includes(id))) {
        writeCache(cachePath, { chunks: [...new Set([...known, ...used])], code: script.createCachedData() });
      }
    });
  }
  return bodies;
}

const lastActs: (() => void)[] = [];

/**
 * One listener for all files: Node.js warns of many. Nothing is done where the file of the start was the only one: a cache
 * holds what its first run compiled, and `--version` compiles little of what each command needs.
 */
function atExit(act: () => void): void {
  if (lastActs.push(act) !== 2) return;
  process.once('exit', () => {
    for (const each of lastActs) each();
  });
}

/** What files are read into, one after the other: what is read is copied, or compiled, before the next. */
let room = Buffer.alloc(0);

/** Reads a file that is open and closes it. What is returned holds until the next is read. */
function readAll(descriptor: number): Buffer {
  try {
    const { size } = fstatSync(descriptor);
    if (room.length < size) room = Buffer.allocUnsafeSlow(size);
    let length = 0;
    for (let read = -1; read !== 0 && length < size; length += read) {
      read = readSync(descriptor, room, length, size - length, null);
    }
    return room.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * How V8 is told to run what is short. Left alone, it doubles the space of young objects, up to 48 MiB, as often as what fits
 * into it has been kept; what a command keeps it keeps to its end, so that the room is only touched: a quarter more memory,
 * and no less time. And V8 of Node.js 20 optimizes what a command runs a few hundred times, small functions at once, which
 * takes longer than what it gains, and 8 MiB; what takes long comes to it soon enough. `skill-sync`, which computes more than it waits, comes
 * to it sooner. (Later versions have no such flags, say so on stderr where they are given, and optimize later of themselves.) Before
 * anything runs, since reading the words of a command is enough for V8 to begin; and before a cache is read, which does not
 * fit where it was made under other flags: each executable has its own, and so has what runs long.
 */
const optimizing = {
  usual: ['--interrupt-budget=1300000', '--max-bytecode-size-for-early-opt=0'],
  'skill-sync': ['--interrupt-budget=500000'],
};

/** Commands that serve until they are ended: V8 knows best what is worth optimizing there. */
const longCommands = ['guard', 'serve', 'wrap'];

function isLong(): boolean {
  return longCommands.includes(process.argv[2] ?? '');
}

function setFlags(executable: string): void {
  if (isLong()) return;
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  const optimized = executable === 'skill-sync' ? optimizing['skill-sync'] : optimizing.usual;
  const flags = process.version.startsWith('v20.') ? optimized : [];
  for (const flag of ['--semi-space-growth-factor=1', ...flags]) setFlagsFromString(flag);
}

/** Who owns a file and its folder, where nobody else may write either. Undefined on Windows, where modes say nothing. */
function ownerOf(path: string): number | undefined {
  if (process.geteuid === undefined) return undefined;
  const [file, folder] = [lstatSync(path), lstatSync(dirname(path))];
  const alone = [file, folder].every(({ mode, uid }) => uid === file.uid && (mode & writableForOthers) === 0);
  return alone ? file.uid : undefined;
}

function readCache(path: string, owner: number): Cache | undefined {
  try {
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor);
    const trusted = stats.isFile() && stats.uid === owner && (stats.mode & writableForOthers) === 0;
    if (!trusted) return void closeSync(descriptor);
    const bytes = readAll(descriptor);
    if (bytes.length < 4 || bytes.readUInt32LE() !== checksum(bytes.subarray(4))) return undefined;
    const end = bytes.indexOf('\n', 4);
    return { chunks: bytes.toString('latin1', 4, end).split(' '), code: bytes.subarray(end + 1) };
  } catch {
    // There is none, or none that can be read: the code is compiled as if there had never been one.
    return undefined;
  }
}

/** Whole or not at all: whoever reads meanwhile has the old one. */
function writeCache(path: string, { chunks, code }: Cache): void {
  const content = Buffer.concat([Buffer.from(`${chunks.join(' ')}\n`, 'latin1'), code]);
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(checksum(content));
  const unfinished = `${path}.${process.pid}`;
  try {
    writeFileSync(unfinished, Buffer.concat([sum, content]), { flag: 'wx', mode: 0o644 });
    renameSync(unfinished, path);
  } catch {
    // A disk that is full, or that nobody writes to: the next run compiles again.
  }
}

/** Against damage alone: who may write the file is told by owner and mode. */
function checksum(bytes: Uint8Array): number {
  return process.getBuiltinModule('node:zlib').crc32(bytes);
}
