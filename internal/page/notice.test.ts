import { expect, test } from 'vitest';
import type { Service } from '../config/definitions.ts';
import type { Disconnected } from '../connection/disconnect.ts';
import { AppError } from '../errors/app-error.ts';
import { type ErrorCode, exitCodeOf } from '../errors/exit-codes.ts';
import type { Principal } from '../identity/principal.ts';
import { disconnectedNotice, failureNotice, fittingPage } from './notice.ts';

const service = { name: 'notion', title: 'Notion' } as Service;
const hints = [
  undefined,
  'run it in a terminal, where it asks; if this account is meant: --accept-account ada@example.test',
  'nothing was stored; run the same command again, with --timeout <seconds> for more time',
];

test.each(Object.keys(exitCodeOf) as ErrorCode[])('advice at a page for %s has no words for a command line', (code) => {
  for (const hint of hints) {
    const error = new AppError(
      code,
      'it failed (use --paste)\nand so; add --scope <scope>',
      hint === undefined ? {} : { hint },
    );
    const { lines } = failureNotice('Notion was not connected', error, {
      service,
      warnings: ['a warning (see --help)'],
    });
    expect(lines.filter((line) => /--[a-z]|\bin a terminal, where it asks|\bcommand again/.test(line))).toEqual([]);
    expect(lines).toContainEqual(expect.stringMatching(/^Next: ./));
    expect(lines.slice(0, 2)).toEqual(['it failed', 'and so']);
  }
});

test('of an advice those parts are kept that fit', () => {
  expect(fittingPage('nothing was stored; sign in there; or run it again')).toBe('nothing was stored; sign in there');
  expect(fittingPage('run: service-connection notion')).toBeUndefined();
  expect(fittingPage('review authorization.issuers in config/services/notion.yaml')).toContain('authorization.issuers');
});

test('whose vault it was is said in their own letters, and what would turn them around is seen [P9]', () => {
  const principal = { label: 'Zoë Müller\u202e' } as Principal;
  const removed = [{ record: { account: 'ζωή@example.test' } }] as unknown as Disconnected['removed'];
  const { lines } = disconnectedNotice(service, principal, { vault: undefined, removed, told: async () => {} });
  expect(lines).toEqual([
    expect.stringContaining('"Zoë Müller\\u202e"'),
    expect.stringContaining('connected apps of "ζωή@example.test"'),
  ]);
});
