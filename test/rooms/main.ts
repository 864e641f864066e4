/** Writes what is made from the table of rooms: `npm run rooms`. */
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { lintOverrides, withTable } from './rooms.ts';

const lint = '.biome.json';
const page = 'docs/architecture.md';
const settings = JSON.parse(await readFile(lint, 'utf8')) as Record<string, unknown>;
await writeFile(lint, JSON.stringify({ ...settings, overrides: lintOverrides() }));
execFileSync('npx', ['biome', 'format', '--write', lint], { stdio: 'inherit' });
await writeFile(page, withTable(await readFile(page, 'utf8')));
