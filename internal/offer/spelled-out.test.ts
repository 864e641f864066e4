import { expect, test } from 'vitest';
import { parametersOf } from './parameters.ts';
import { spelledOut } from './spelled-out.ts';

const act = { enum: ['get', 'delete'], type: 'string', description: 'What to do' };
const of = (properties: Record<string, unknown>, $defs: Record<string, unknown> = {}) => ({
  type: 'object',
  properties,
  $defs,
});

test.each([
  ['as it is', of({ act })],
  ['elsewhere', of({ act: { $ref: '#/$defs/Act' } }, { Act: act })],
  ['elsewhere, of an older draft', { ...of({ act: { $ref: '#/definitions/Act' } }), definitions: { Act: act } }],
  ['elsewhere by way of another', of({ act: { $ref: '#/$defs/A' } }, { A: { $ref: '#/$defs/B' }, B: act })],
  ['elsewhere under a name that has to be escaped', of({ act: { $ref: '#/$defs/a~1b%20c' } }, { 'a/b c': act })],
  ['as all of one', of({ act: { allOf: [{ $ref: '#/$defs/Act' }], default: 'get' } }, { Act: act })],
  ['with the words beside it', of({ act: { $ref: '#/$defs/Act', description: 'What to do' } }, { Act: { ...act } })],
])('the choices of a parameter are read where its schema stands %s [P4]', (_, schema) => {
  expect(parametersOf(schema)).toMatchObject([
    { name: 'act', type: 'text', values: ['get', 'delete'], description: 'What to do' },
  ]);
});

test('what may be left out, or be one of several, has the choices of all; free text beside them is no choice', () => {
  const values = (schema: unknown) => parametersOf(of({ act: schema }, { Act: act }))[0]?.values;
  expect(values({ anyOf: [{ $ref: '#/$defs/Act' }, { type: 'null' }] })).toEqual(['get', 'delete']);
  expect(values({ oneOf: [{ const: 'get' }, { const: 'set' }] })).toEqual(['get', 'set']);
  expect(values({ type: 'array', items: { $ref: '#/$defs/Act' } })).toEqual(['get', 'delete']);
  expect(values({ anyOf: [{ $ref: '#/$defs/Act' }, { type: 'string' }] })).toBeUndefined();
});

test('a single parameter that is an object is followed by its members', () => {
  const schema = of(
    { params: { $ref: '#/$defs/Params' } },
    {
      Act: act,
      Params: {
        type: 'object',
        required: ['act'],
        properties: { id: { type: 'string' }, act: { $ref: '#/$defs/Act' } },
      },
    },
  );
  expect(parametersOf(schema).map(({ name, type, required }) => [name, type, required])).toEqual([
    ['params', 'object of 2', false],
    ['params.act', 'text', true],
    ['params.id', 'text', false],
  ]);
});

test('parts that all hold are one', () => {
  const part = (name: string) => ({ properties: { [name]: { type: 'string' } }, required: [name] });
  expect(parametersOf({ type: 'object', allOf: [part('a'), part('b')] }).map(({ name }) => name)).toEqual(['a', 'b']);
});

test('what leads nowhere, out, or in a circle stays as it is, and is looked at no deeper than anybody reads', () => {
  const typeOf = ($ref: unknown) => parametersOf(of({ act: { $ref } }))[0]?.type;
  expect(typeOf('#/$defs/None')).toBe('as None');
  expect(typeOf('#/%')).toBe('as %');
  expect(typeOf('https://schemas.example/act.json')).toBe('as act.json');
  expect(typeOf('#/properties/act')).toBe('as act');
  expect(typeOf(7)).toBe('anything');
  const tree = of({ left: { $ref: '#' }, right: { $ref: '#' } });
  expect(JSON.stringify(spelledOut(tree)).length).toBeLessThan(5000);
  const wide = of(Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`p${index}`, { $ref: '#' }])));
  expect(JSON.stringify(spelledOut(wide)).length).toBeLessThan(20_000_000);
});
