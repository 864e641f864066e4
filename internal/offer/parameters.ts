/** The parameters of a tool, as a person reads them. Pure. */
import { isRecord } from '../text/record.ts';
import { alternatives, namedValues, spelledOut } from './spelled-out.ts';

/** One parameter of a tool. */
export interface Parameter {
  name: string;
  /** In words: `text`, `number`, `list of text`, `object of 3`. */
  type: string;
  required: boolean;
  description: string | undefined;
  /** The values to choose from, where there are only some. */
  values: readonly string[] | undefined;
  /** The header that it is also sent as, where others on the way can read it: `x-mcp-header`. */
  header: string | undefined;
}

/**
 * The parameters that a schema names, the required ones first. Where it names a single one that is an object, as frameworks
 * do for a function with one argument, the members of that follow.
 */
export function parametersOf(schema: unknown): Parameter[] {
  const all = membersOf(spelledOut(schema));
  const [only] = all;
  const parameters = all.map(({ parameter }) => parameter);
  if (only === undefined || all.length > 1) return parameters;
  const inside = membersOf(only.schema).map(({ parameter }) => parameter);
  return [...parameters, ...inside.map((each) => ({ ...each, name: `${only.parameter.name}.${each.name}` }))];
}

function membersOf(schema: unknown): { parameter: Parameter; schema: unknown }[] {
  if (!isRecord(schema)) return [];
  const properties = isRecord(schema['properties']) ? Object.entries(schema['properties']) : [];
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const all = properties.map(([name, value]) => ({ parameter: parameterOf(name, value, required), schema: value }));
  return [...all.filter((each) => each.parameter.required), ...all.filter((each) => !each.parameter.required)];
}

function parameterOf(name: string, schema: unknown, required: readonly unknown[]): Parameter {
  const described = isRecord(schema) ? schema['description'] : undefined;
  const header = isRecord(schema) ? schema['x-mcp-header'] : undefined;
  return {
    name,
    type: typeInWords(schema),
    required: required.includes(name),
    description: typeof described === 'string' ? described : undefined,
    values: valuesOf(schema),
    header: typeof header === 'string' ? header : undefined,
  };
}

const named: Readonly<Record<string, string>> = { string: 'text', array: 'list', integer: 'number', boolean: 'yes/no' };

/** What a value may be, in words. */
export function typeInWords(schema: unknown): string {
  if (!isRecord(schema)) return 'anything';
  const { type, items, properties, anyOf, oneOf, $ref: reference } = schema;
  const several = [anyOf, oneOf].find(Array.isArray);
  if (several !== undefined) return [...new Set(several.map(typeInWords))].join(' or ');
  if (typeof reference === 'string') return `as ${reference.split('/').at(-1)}`;
  const types = Array.isArray(type) ? type : type === undefined ? [] : [type];
  if (types.length === 0) return Array.isArray(schema['enum']) || 'const' in schema ? 'choice' : 'anything';
  return types
    .map((each) => {
      if (each === 'array') return items === undefined ? 'list' : `list of ${typeInWords(items)}`;
      if (each === 'object') return isRecord(properties) ? `object of ${Object.keys(properties).length}` : 'object';
      return named[String(each)] ?? String(each);
    })
    .join(' or ');
}

/** The values that a parameter, or each item of a list, can be chosen from. */
function valuesOf(schema: unknown): string[] | undefined {
  const values = alternatives(schema).map(namedValues);
  if (values.length === 0 || values.includes(undefined)) return undefined;
  return values
    .flatMap((some) => some ?? [])
    .map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));
}
