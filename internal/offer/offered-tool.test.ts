import { expect, test } from 'vitest';
import { conceal } from '../secret/secret.ts';
import { canonicalJson } from '../text/canonical.ts';
import { readOffer } from './offered-tool.ts';

test('equal values have one text, whatever the order of their keys', () => {
  expect(canonicalJson({ b: [1, { d: null, c: 'é' }], a: 2 })).toBe('{"a":2,"b":[1,{"c":"é","d":null}]}');
  expect(() => canonicalJson(JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`))).toThrow(RangeError);
});

const bare = { name: 'look', inputSchema: { type: 'object' } };
const deep = JSON.parse(`${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`);
test.each<[string, unknown, string]>([
  ['no object', 'look', 'not an object'],
  ['no name', { ...bare, name: 7 }, 'printable'],
  ['a name with a control character', { ...bare, name: 'look\u001b[2J' }, 'printable'],
  ['a name that reads like another', { ...bare, name: 'l\u043eok' }, 'printable'],
  ['a name that is too long', { ...bare, name: 'x'.repeat(129) }, 'printable'],
  ['a description that is no text', { ...bare, description: ['x'] }, 'no text'],
  ['a description without end', { ...bare, description: 'x'.repeat(20_001) }, 'more than'],
  ['no schema', { name: 'look' }, 'no object'],
  ['a schema that is nested without end', { ...bare, inputSchema: deep }, 'deeper'],
  ['annotations that are a list', { ...bare, annotations: [] }, 'no object'],
  ['a claim that is text', { ...bare, annotations: { readOnlyHint: 'true' } }, 'readOnlyHint'],
  ['a claim that is null', { ...bare, annotations: { destructiveHint: null } }, 'destructiveHint'],
])('a tool with %s cannot be reviewed, and is named', (_case, tool, why) => {
  const { tools, leftOut } = readOffer([tool, { ...bare, name: 'fine' }]);
  expect([...tools.keys()]).toEqual(['fine']);
  expect(leftOut).toEqual([{ name: expect.any(String), why: expect.stringContaining(why) }]);
});

test('a name that is listed twice is neither of both', () => {
  const { tools, leftOut } = readOffer([bare, { ...bare, description: 'another' }]);
  expect([tools.size, leftOut]).toEqual([0, [{ name: 'look', why: 'it is listed twice' }]]);
});

test('a tool that repeats a secret of this run does not get into a file', () => {
  conceal('a-token-of-this-run');
  const said = [
    { ...bare, name: 'a', description: 'Uses a-token-of-this-run.' },
    { ...bare, name: 'b', inputSchema: { default: 'a-token-of-this-run' } },
    { ...bare, name: 'c', annotations: { title: 'a-token-of-this-run' } },
  ];
  expect(readOffer(said).leftOut.map(({ why }) => why)).toEqual(said.map(() => 'it repeats a secret of this run'));
});

test('a schema that nobody can read is known by its digest and size, and another one is another tool', () => {
  const large = (text: string) => readOffer([{ ...bare, inputSchema: { a: text.repeat(70_000) } }]).tools.get('look');
  const [one, other] = [large('x'), large('y')];
  expect(one?.text.length).toBeLessThan(500);
  expect(one?.facts.characters).toBeGreaterThan(70_000);
  expect(one?.sha256).not.toBe(other?.sha256);
  expect(large('x')?.sha256).toBe(one?.sha256);
});

test('what many servers write for nothing is nothing, and a task that is needed is known', () => {
  const nothing = { title: null, description: null, outputSchema: null, annotations: null, icons: null, _meta: null };
  const [plain, empty] = [bare, { ...bare, ...nothing }].map((tool) => readOffer([tool]).tools.get('look')?.sha256);
  expect(empty).toBe(plain);
  const task = readOffer([{ ...bare, execution: { taskSupport: 'required' } }]).tools.get('look');
  expect(task?.facts.needsTask).toBe(true);
});

test('of more tools than anybody reviews, the rest is counted and not kept', () => {
  const many = Array.from({ length: 1_500 }, (_, index) => ({ ...bare, name: `t${index}` }));
  const { tools, count } = readOffer(many);
  expect([tools.size, count]).toEqual([1_000, 1_500]);
});
