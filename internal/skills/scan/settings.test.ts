import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { AppError } from '../../errors/app-error.ts';
import { readScanSettings } from './settings.ts';
import { scanDefinition } from './settings-file.ts';

const now = new Date('2026-11-22T10:00:00Z');
const hash = 'a'.repeat(64);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'scan-settings-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function settings(text: string) {
  await writeFile(join(folder, 'scan.yaml'), text);
  return await readScanSettings(folder, { now });
}

/** The complaints about a scan.yaml, without the folder that it is in. */
async function complaints(text: string): Promise<string[]> {
  const error = await settings(text).catch((caught: unknown) => caught);
  if (!(error instanceof AppError)) throw new Error('it was taken');
  expect(error.code).toBe('config_invalid');
  return error.message.split('\n').map((line) => line.replace(/^\S*scan\.yaml:?/, ''));
}

const suppression = (changed: string) =>
  `suppressions:\n  - { rule: path-outside, file: triage/SKILL.md, reason: reviewed by hand, expires: 2027-01-31${changed} }\n`;

test('without a file every rule is as it is', async () => {
  expect(await readScanSettings(folder, { now })).toEqual({
    folder,
    levels: {},
    allowedDomains: [],
    suppressions: [],
    today: '2026-11-22',
    forbiddenTools: new Map(),
  });
  expect(await settings('# nothing yet\n')).toMatchObject({ levels: {}, suppressions: [] });
});

test('reads levels, domains and suppressions', async () => {
  const text = `
levels: { external-url: off, network-call: error }
allowed_domains: [docs.acme.io]
suppressions:
  - rule: secret
    file: triage/references/example.md
    sha256: ${hash}
    reason: a key of the documents, not a real one
    expires: 2027-11-23
  - { rule: external-url, file: notes/**, reason: the links are the skill, expires: 2026-11-22 }
`;
  expect(await settings(text)).toMatchObject({
    levels: { 'external-url': 'off', 'network-call': 'error' },
    allowedDomains: ['docs.acme.io'],
    suppressions: [
      { rule: 'secret', sha256: hash, expires: '2027-11-23', position: { line: 5, column: 5 } },
      { rule: 'external-url', file: 'notes/**', expires: '2026-11-22', position: { line: 10, column: 5 } },
    ],
  });
});

test.each([
  ['an unknown key', 'level: {}\n', ['1:1 level: unknown key; did you mean "levels"?']],
  ['an unknown rule', 'levels: { secrets: error }\n', ['1:11 levels.secrets: unknown key; did you mean "secret"?']],
  [
    'an unknown level',
    'levels: { archive: warn }\n',
    ['1:20 levels.archive: got "warn", expected one of "off", "note", "warning", "error"'],
  ],
  [
    'a lower level for secrets',
    'levels: { secret: off }\n',
    [
      '1:19 levels.secret: got "off", expected "error": a secret is suppressed one file at a time, with the sha256 of the file',
    ],
  ],
  [
    'an address as a domain',
    'allowed_domains: [https://a.io]\n',
    [
      '1:19 allowed_domains[0]: got "https://a.io", expected a bare host in lower case such as "api.example.com": no scheme, port, path or wildcard',
    ],
  ],
  [
    'no reason and no end',
    'suppressions:\n  - { rule: archive, file: a/b }\n',
    [
      '2 mistakes in the settings of the scan',
      '2:5 suppressions[0].reason: missing, expected text',
      '2:5 suppressions[0].expires: missing, expected text',
    ],
  ],
  [
    'a reason that is none',
    suppression('').replace('reviewed by hand', '"         ok"'),
    ['2:58 suppressions[0].reason: got "         ok", expected the reason in words, at least 10 characters'],
  ],
  [
    'a day that is none',
    suppression('').replace('2027-01-31', '2027-02-30'),
    ['2:85 suppressions[0].expires: got "2027-02-30", expected a day such as "2027-01-31"'],
  ],
  [
    'a day too far away',
    suppression('').replace('2027-01-31', '2027-11-24'),
    ['2:85 suppressions[0].expires: got "2027-11-24", expected a day within 366 days, at the latest "2027-11-23"'],
  ],
  [
    'a secret without a hash',
    suppression('').replace('path-outside', 'secret'),
    ['2:5 suppressions[0].sha256: missing, a secret is accepted in exactly one file: its sha256'],
  ],
  [
    'a line of a whole folder',
    suppression(', line: 3').replace('triage/SKILL.md', 'triage/**'),
    ['2:33 suppressions[0].file: a line or a sha256 is of one file: name that file'],
  ],
  [
    'a rule about suppressions',
    suppression('').replace('path-outside', 'suppression-expired'),
    [expect.stringMatching(/^2:13 suppressions\[0\]\.rule: got "suppression-expired", expected one of "secret"/)],
  ],
])('refuses %s', async (_name, text, expected) => {
  expect(await complaints(text)).toEqual(expected);
});

test.each(['/etc/passwd', '../a', 'a/../b', './a', '**', 'a/*', 'a/**/b', 'a*', 'a/', String.raw`a\b`, ''])(
  'refuses the path %j',
  async (path) => {
    const text = suppression('').replace('triage/SKILL.md', JSON.stringify(path));
    expect(await complaints(text)).toEqual([expect.stringContaining('expected a path below the folder of skills')]);
  },
);

test('the committed JSON Schema is what the definition says', async () => {
  const schema = z.toJSONSchema(scanDefinition, { io: 'input', target: 'draft-7' });
  const text = `${JSON.stringify({ ...schema, title: 'scan settings' }, null, 2)}\n`;
  const renew =
    'generated by: npx vitest run --config test/vitest.config.ts internal/skills/scan/settings.test.ts --update';
  await expect(text, renew).toMatchFileSnapshot(
    fileURLToPath(new URL('../../../config/schema/scan.schema.json', import.meta.url)),
  );
});
