/** The attacks of `test/attack`, each of which the product has to hold against. */
import { expect, test } from 'vitest';
import { configurationAttacks } from '../attack/configuration.ts';
import { keyringAttacks } from '../attack/keyring.ts';
import { tlsAttacks } from '../attack/tls.ts';

const attacks = { configurationAttacks, keyringAttacks, tlsAttacks };

test.each(Object.entries(attacks))('%s', { timeout: 120_000 }, async (_name, attack) => {
  const findings = await attack();
  expect(findings.length).toBeGreaterThan(0);
  expect(findings.filter(({ held }) => !held)).toEqual([]);
});
