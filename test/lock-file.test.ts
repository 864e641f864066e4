import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Locked {
  optionalDependencies?: Record<string, string>;
  dependencies?: Record<string, string>;
}

const read = (name: string) => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')) as unknown;

test('the lock file names the packages of every system, so that npm ci takes it anywhere', () => {
  const { packages } = read('package-lock.json') as { packages: Record<string, Locked> };
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !(`node_modules/${name}` in packages || `${path}/node_modules/${name}` in packages))
      .map((name) => `${path}: ${name}`),
  );
  expect(missing).toEqual([]);
});

test('what the package brings along at run time is one exact version', () => {
  const { dependencies = {}, optionalDependencies = {} } = read('package.json') as Locked;
  expect({ ...dependencies, ...optionalDependencies }).toEqual({
    '@napi-rs/keyring': expect.stringMatching(/^\d+\.\d+\.\d+$/),
  });
});
