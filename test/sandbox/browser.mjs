#!/usr/bin/env node
/**
 * A browser for `BROWSER=<this file>`: gets a URL as its only argument, signs in as SANDBOX_PERSON
 * (default ada), picks SANDBOX_ACCOUNT at services (default: the same person), allows, or with
 * SANDBOX_DENY=1 denies, and ends when the last page of the command is loaded.
 */
import { visit } from './visit.mjs';

// biome-ignore lint/style/noProcessEnv: BROWSER can hand over a URL only, so who presses the buttons comes from here
const { SANDBOX_PERSON: person = 'ada', SANDBOX_ACCOUNT: account = person, SANDBOX_DENY } = process.env;
const [url, ...rest] = process.argv.slice(2);

if (url === undefined || rest.length > 0) {
  process.stderr.write('browser: usage: browser.mjs <url>\n');
  process.exitCode = 2;
} else {
  try {
    await visit(url, { person, account, deny: SANDBOX_DENY === '1' });
  } catch (error) {
    process.stderr.write(`browser: ${error.message}\n`);
    process.exitCode = 1;
  }
}
