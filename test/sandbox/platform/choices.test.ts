import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { choices } from './choices.ts';

const folders = [new URL('./', import.meta.url), new URL('../', import.meta.url)];
const sources = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(new URL(name, folder), 'utf8')),
);

it('has code for every choice', () => {
  const unused = Object.keys(choices).filter(
    (name) => !sources.some((source) => new RegExp(`\\bchoices\\.${name}\\b`).test(source)),
  );
  expect(unused).toEqual([]);
});

it('refers to no choice that is not documented', () => {
  const referred = sources.flatMap((source) =>
    [...source.matchAll(/\bchoices\.(?!ts\b)(\w+)/g)].map(([, name]) => name),
  );
  expect(referred.filter((name) => name !== undefined && !Object.hasOwn(choices, name))).toEqual([]);
});
