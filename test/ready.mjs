// Makes a fresh clone ready: installs what the lock file says when it is missing or out of date, and with `--build`
// builds the executables when a source is newer. Plain Node, because nothing is installed yet when it runs.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const stamp = join(root, 'node_modules', '.installed-from');
const wanted = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`this needs Node.js 20.19 or later, and this is ${process.versions.node}\n`);
  process.exit(1);
}

if (read(stamp) !== wanted) {
  run('installing what the lock file names', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(stamp, wanted);
}
if (process.argv.includes('--build') && newest('cmd', 'internal') > (modified('dist/setup-session.js') ?? 0)) {
  run('building the executables', process.execPath, ['cmd/build.mjs']);
}

function run(what, command, words) {
  process.stderr.write(`${what}\n`);
  const { status, error } = spawnSync(command, words, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    // There npm is a script that only a shell starts; a program whose path has blanks in it is none that it would find.
    shell: process.platform === 'win32' && command === 'npm',
  });
  if (status !== 0) {
    process.stderr.write(`${what} did not work${error ? `: ${error.message}` : ''}\n`);
    process.exit(1);
  }
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function modified(path) {
  try {
    return statSync(join(root, path)).mtimeMs;
  } catch {
    return undefined;
  }
}

function newest(...folders) {
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).map((file) => join(folder, file)),
  );
  return Math.max(...[...files, 'package-lock.json'].map((file) => modified(file) ?? 0));
}
