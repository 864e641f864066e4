import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Principal } from '../identity/principal.ts';
import { isOperator } from '../policy/verdict.ts';
import { loadConfiguration } from './load.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'config-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function load(people: string) {
  await writeFile(join(folder, 'interface.yaml'), `identity: { mode: os }\n${people}`);
  return await loadConfiguration(folder);
}

const person = (subject: string, groups: string[] = []): Principal => ({
  kind: 'os',
  issuer: 'machine:1',
  subject,
  groups,
  label: '2000',
});

test.each([
  ['', '1000', [], false],
  ['people: { operators: {} }\n', '1000', ['it'], false],
  ['people: { operators: { principals: ["1000"] } }\n', '1000', [], true],
  ['people: { operators: { principals: ["1000"] } }\n', '10000', [], false],
  ['people: { operators: { principals: ["2000"] } }\n', '1000', [], false],
  ['people: { operators: { groups: [it] } }\n', '1000', ['support', 'it'], true],
  ['people: { operators: { groups: [it] } }\n', '1000', ['IT'], false],
])('operators are exactly those who are listed: %j, %s %j', async (people, subject, groups, expected) => {
  expect(isOperator(person(subject, groups), await load(people))).toBe(expected);
});

test.each([
  ['a uid without quotes', '{ principals: [1000] }', /operators\.principals\[0\]: got 1000, expected text/],
  ['an e-mail address with mode os', '{ principals: [ada@example.com] }', /is the uid of an ordinary account/],
  ['root with mode os', '{ principals: ["0"] }', /is the uid of an ordinary account/],
  ['an empty group', '{ groups: [""] }', /operators\.groups\[0\]/],
  ['another key', '{ people: [] }', /operators\.people: unknown key/],
])('%s is no operator', async (_what, operators, message) => {
  await expect(load(`people: { operators: ${operators} }\n`)).rejects.toThrow(message);
});
