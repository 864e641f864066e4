/**
 * The file beside an executable that holds what is loaded when a command needs it (cmd/build.mjs), and V8's code cache of
 * it: what a command compiled once is read back afterwards, which costs a third of compiling it.
 *
 * Whoever can write the cache decides what runs. So it lies beside the code, never in a folder of caches; it is written by
 * the owner of the code alone; and it is read only where code, folder and cache have one owner and nobody else may write
 * them. V8 judges for itself whether a cache fits it (version, flags), but believes the rest of what it is given: a cache
 * that was damaged is told by its checksum, one of other code by the digest in the name of the file.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
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
 * What stands in for `require` in an executable. `main` is the executable itself, which chunks import as `./main`; `start`
 * are the modules that it brings along, `path` the file of all others. What is neither can only be a built-in module.
 */
export function requireFrom(path: string, main: Module, start: Bodies): Require {
  const modules = new Map([['./main', main]]);
  let others: Bodies | undefined;
  const require: Require = (id) => {
    if (!id.startsWith('./')) return process.getBuiltinModule(id);
    const known = modules.get(id);
    if (known !== undefined) return known.exports;
    let body = start[id];
    if (body === undefined) {
      others ??= compiled(path, modules);
      body = others[id];
    }
    const module: Module = { exports: {} };
    modules.set(id, module);
    body?.(module, module.exports, require);
    return module.exports;
  };
  return require;
}

/** Compiles the file, with its cache where there is one; a run of its owner that uses chunks for the first time adds them. */
function compiled(path: string, modules: ReadonlyMap<string, unknown>): Bodies {
  keepYoungSpaceSmall();
  const source = readFileSync(path, 'latin1');
  const cachePath = `${path.replace(/\.js$/, '')}.${process.version}-${process.arch}.cache`;
  const owner = ownerOf(path);
  const cache = owner === undefined ? undefined : readCache(cachePath, owner);
  const script = new Script(source, { filename: path, ...(cache && { cachedData: cache.code }) });
  const known = cache === undefined || script.cachedDataRejected === true ? [] : cache.chunks;
  if (owner !== undefined && owner === process.geteuid?.()) {
    process.once('exit', () => {
      const used = [...modules.keys()];
      if (used.some((id) => !known.includes(id))) {
        writeCache(cachePath, { chunks: [...new Set([...known, ...used])], code: script.createCachedData() });
      }
    });
  }
  return (script.runInThisContext() as (path: string) => Bodies)(path);
}

/**
 * Left alone, V8 doubles the space of young objects, up to 48 MiB, as often as what fits into it has been kept. What a
 * command keeps it keeps to its end, so that the room is only touched: a quarter more memory, and no less time. Before the
 * cache is read, since one that was made under another flag does not fit.
 */
function keepYoungSpaceSmall(): void {
  process.getBuiltinModule('node:v8').setFlagsFromString('--semi-space-growth-factor=1');
}

/** Who owns a file and its folder, where nobody else may write either. Undefined on Windows, where modes say nothing. */
function ownerOf(path: string): number | undefined {
  if (process.geteuid === undefined) return undefined;
  const [file, folder] = [lstatSync(path), lstatSync(dirname(path))];
  const alone = [file, folder].every(({ mode, uid }) => uid === file.uid && (mode & writableForOthers) === 0);
  return alone ? file.uid : undefined;
}

function readCache(path: string, owner: number): Cache | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor);
    if (!stats.isFile() || stats.uid !== owner || (stats.mode & writableForOthers) !== 0) return undefined;
    const bytes = readFileSync(descriptor);
    if (bytes.length < 4 || bytes.readUInt32LE() !== checksum(bytes.subarray(4))) return undefined;
    const end = bytes.indexOf('\n', 4);
    return { chunks: bytes.toString('latin1', 4, end).split(' '), code: bytes.subarray(end + 1) };
  } catch {
    // There is none, or none that can be read: the code is compiled as if there had never been one.
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
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
