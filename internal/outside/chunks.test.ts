import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

let folder: string;
let chunks: string;
let run: (...words: string[]) => Promise<string>;

// Chunks in two files, and a program that uses some of them.
const source = `(function(__filename){return{
"./greet"(module,exports,require){"use strict";exports.greet=(name)=>"hello "+name+" from "+require("./main").place},
"./part"(module,exports,require){"use strict";exports.part=(name)=>require("./end").end(name)},
"./young"(module,exports,require){"use strict";const kept=[];for(let each=0;each<300000;each+=1)kept.push({each});
exports.part=()=>require("node:v8").getHeapSpaceStatistics().find((space)=>space.space_name==="new_space").space_size}}})
`;
const otherSource = `(function(__filename){return{
"./end"(module,exports,require){"use strict";exports.end=(name)=>"good bye "+name}}})
`;
const program = `"use strict";LOADERchunks.requireFrom(__dirname+"/chunks/","program",{"main.js":"./main","code.js":"./greet ./part ./young","other.js":"./end"})("./main");
`;
const mainSource = `(function(__filename){return{
"./main"(module,exports,require){"use strict";
exports.place="here";
const said=[];
for(const word of process.argv.slice(2))said.push(word==="greet"?require("./greet").greet("a"):word==="part"||word==="young"?require("./"+word).part("b"):word==="late"?late():require("node:path").sep);
function late(){
const name="NativeModule child_process";
const program=require("node:child_process");
const before=process.moduleLoadList.includes(name);
const {execFileSync}=program;
return [before,typeof execFileSync,process.moduleLoadList.includes(name),Object.keys(program).includes("spawn")].join(" ");
}
process.stdout.write(said.join(", "))}}})
`;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chunks-'));
  chunks = join(folder, 'chunks');
  await mkdir(chunks);
  await chmod(chunks, 0o755);
  const entry = join(import.meta.dirname, 'chunks.ts');
  const settings = { bundle: true, write: false, format: 'iife', globalName: 'chunks', platform: 'node' } as const;
  const { outputFiles } = await build({ entryPoints: [entry], ...settings });
  await writeFile(join(chunks, 'main.js'), mainSource, { mode: 0o644 });
  await writeFile(join(chunks, 'code.js'), source, { mode: 0o644 });
  await writeFile(join(chunks, 'other.js'), otherSource, { mode: 0o644 });
  await writeFile(join(folder, 'main.cjs'), program.replace('LOADER', outputFiles[0]?.text ?? ''));
  const execute = promisify(execFile);
  run = async (...words) => (await execute(process.execPath, [join(folder, 'main.cjs'), ...words])).stdout;
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const cacheOf = (file: string) => `${file}.${process.version}-${process.arch}.cache`;
const cacheName = cacheOf('code');
const cache = () => join(chunks, cacheName);
const whenWritten = async () => (await stat(cache())).ino;
const learned = async () => {
  const bytes = await readFile(cache(), 'latin1');
  return bytes.slice(4, bytes.indexOf('\n', 4)).split(' ');
};
const greeting = 'hello a from here';

describe.skipIf(process.geteuid === undefined)('the code cache', () => {
  test('is written by the first run that uses more than a start does, and read afterwards', async () => {
    expect(await run()).toBe('');
    expect((await readdir(chunks)).sort()).toEqual(['code.js', 'main.js', 'other.js']);
    expect(await run('greet')).toBe(greeting);
    const caches = [cacheName, cacheOf('main')];
    expect((await readdir(chunks)).sort()).toEqual(['code.js', 'main.js', 'other.js', ...caches].sort());
    expect((await stat(cache())).mode & 0o777).toBe(0o644);
    const first = await whenWritten();
    expect(await run('greet')).toBe(greeting);
    expect(await whenWritten()).toBe(first);
  });

  test('is made and read with the room for young objects kept small', async () => {
    expect(Number(await run('young'))).toBeLessThanOrEqual(4 * 2 ** 20);
    const first = await whenWritten();
    expect(Number(await run('young'))).toBeLessThanOrEqual(4 * 2 ** 20);
    expect(await whenWritten()).toBe(first);
  });

  test('is another one for a command that runs long, whose young objects have all the room of V8', async () => {
    const size = async (...words: string[]) => Number((await run(...words)).split(', ').at(-1));
    await run('young');
    expect(await size('wrap', 'young')).toBeGreaterThan(await size('young'));
    expect(await readdir(chunks)).toEqual(
      expect.arrayContaining([cacheName, cacheName.replace('.cache', '-long.cache')]),
    );
  });

  test('learns what another command uses', async () => {
    await run('greet');
    const first = await whenWritten();
    expect(await learned()).not.toContain('./part');
    expect(await run('part')).toBe('good bye b');
    expect(await whenWritten()).not.toBe(first);
    const second = await whenWritten();
    expect(await learned()).toEqual(expect.arrayContaining(['./greet', './part']));
    expect(await run('part', 'greet')).toBe(`good bye b, ${greeting}`);
    expect(await whenWritten()).toBe(second);
  });

  test('is one for each file, and only of files that were used', async () => {
    await run('greet');
    expect(await readdir(chunks)).not.toContain(`other.${cacheName.slice(5)}`);
    await run('part');
    expect(await readdir(chunks)).toContain(`other.${cacheName.slice(5)}`);
  });

  test('a damaged one is left alone by V8, and replaced', async () => {
    await run('greet');
    const good = await readFile(cache());
    for (const damage of [
      (bytes: Buffer) => bytes.subarray(0, bytes.length - 64),
      (bytes: Buffer) => bytes.fill(0, bytes.length - 64),
      () => Buffer.from('garbage that nobody made'),
      () => Buffer.alloc(0),
    ]) {
      await writeFile(cache(), damage(Buffer.from(good)));
      const damaged = await whenWritten();
      expect(await run('greet')).toBe(greeting);
      expect(await whenWritten()).not.toBe(damaged);
    }
  });

  test('one that V8 does not take is replaced', async () => {
    await run('greet');
    const first = await whenWritten();
    // V8 takes no cache that was made under other flags.
    const execute = promisify(execFile);
    const { stdout } = await execute(process.execPath, ['--no-lazy', join(folder, 'main.cjs'), 'greet']);
    expect(stdout).toBe(greeting);
    expect(await whenWritten()).not.toBe(first);
    expect(await run('greet')).toBe(greeting);
  });

  test('is not read where somebody else may write it, nor a link, nor beside code that others may write', async () => {
    await run('greet');
    const first = await whenWritten();
    const isReplaced = async () => {
      expect(await run('greet')).toBe(greeting);
      return (await whenWritten()) !== first;
    };
    await chmod(cache(), 0o664);
    expect(await isReplaced()).toBe(true);

    await rm(cache());
    await writeFile(join(folder, 'elsewhere'), '');
    await symlink(join(folder, 'elsewhere'), cache());
    await isReplaced();
    expect(await readFile(join(folder, 'elsewhere'), 'utf8')).toBe('');

    for (const place of [chunks, join(chunks, 'code.js')]) {
      await rm(cache(), { force: true });
      const { mode } = await stat(place);
      await chmod(place, mode | 0o020);
      expect(await run('greet')).toBe(greeting);
      expect(await readdir(chunks)).not.toContain(cacheName);
      await chmod(place, mode);
    }
  });

  test.skipIf(process.geteuid?.() !== 0)('is written by the owner alone, and not read from anybody else', async () => {
    const nobody = 65534;
    await chown(chunks, nobody, nobody);
    await chown(join(chunks, 'code.js'), nobody, nobody);
    expect(await run('greet')).toBe(greeting);
    expect(await readdir(chunks)).not.toContain(cacheName);
    await chown(chunks, 0, 0);
    expect(await run('greet')).toBe(greeting);
    expect(await readdir(chunks)).not.toContain(cacheName);
    await chown(join(chunks, 'code.js'), 0, 0);
    await run('greet');
    const first = await whenWritten();
    await chown(cache(), nobody, nobody);
    expect(await run('greet')).toBe(greeting);
    expect(await whenWritten()).not.toBe(first);
  });
});

test('a built-in module that most runs do not use is loaded when something of it is used', async () => {
  expect(await run('late')).toBe('false function true true');
});

test('no version of Node.js complains of a flag', async () => {
  // V8 says on stderr that it does not know a flag.
  const execute = promisify(execFile);
  const { stdout, stderr } = await execute(process.execPath, [join(folder, 'main.cjs'), 'greet']);
  expect({ stdout, stderr }).toEqual({ stdout: greeting, stderr: '' });
});

test('what is no chunk is a built-in module and nothing else', async () => {
  expect(await run('path')).toBe('/');
});
