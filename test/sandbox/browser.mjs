#!/usr/bin/env node
/**
 * A browser for `BROWSER=<this file>`: gets a URL as its only argument, signs in as SANDBOX_PERSON
 * (default ada), picks SANDBOX_ACCOUNT at services (default: the same person), allows, or with
 * SANDBOX_DENY=1 denies, and ends when the last page of the command is loaded. With SANDBOX_DUMP it
 * first writes what it was started with into that folder, for tests that look for secrets there.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { visit } from './visit.mjs';

// BROWSER can hand over a URL only, so who presses the buttons comes from here.
const { env } = process;
const { SANDBOX_PERSON: person = 'ada', SANDBOX_ACCOUNT: account = person, SANDBOX_DENY, SANDBOX_DUMP } = env;
const [url, ...rest] = process.argv.slice(2);

if (SANDBOX_DUMP !== undefined) {
  writeFileSync(join(SANDBOX_DUMP, `browser-${process.pid}.json`), JSON.stringify({ argv: process.argv, env }));
}
if (url === undefined || rest.length > 0) {
  process.stderr.write('browser: usage: browser.mjs <url>\n');
  process.exitCode = 2;
} else {
  try {
    const { passed } = await visit(url, { person, account, deny: SANDBOX_DENY === '1' });
    // Only the challenges: an address on the way holds a code.
    const challenges = passed.map((address) => new URL(address).searchParams.get('code_challenge')).filter(Boolean);
    if (SANDBOX_DUMP !== undefined && challenges.length > 0) {
      const lines = [...new Set(challenges)].map((challenge) => `code_challenge=${challenge}\n`);
      writeFileSync(join(SANDBOX_DUMP, `challenges-${process.pid}.txt`), lines.join(''));
    }
  } catch (error) {
    process.stderr.write(`browser: ${error.message}\n`);
    process.exitCode = 1;
  }
}
