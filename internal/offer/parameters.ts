/** The parameters of a tool, as a person reads them. Pure. */
import { isRecord } from '../text/record.ts';

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

/** The parameters that a schema names, the required ones first. */
export function parametersOf(schema: unknown): Parameter[] {
  if (!isRecord(schema)) return [];
  const properties = isRecord(schema['properties']) ? Object.entries(schema['properties']) : [];
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const all = properties.map(([name, value]): Parameter => {
    const described = isRecord(value) ? value['description'] : undefined;
    const header = isRecord(value) ? value['x-mcp-header'] : undefined;
    return {
      name,
      type: typeInWords(value),
      required: required.includes(name),
      description: typeof described === 'string' ? described : undefined,
      values: valuesOf(value),
      header: typeof header === 'string' ? header : undefined,
    };
  });
  return [...all.filter((each) => each.required), ...all.filter((each) => !each.required)];
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
  if (!isRecord(schema)) return undefined;
  const { enum: values, const: only, items } = schema;
  if (Array.isArray(values)) return values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));
  if (only !== undefined) return [typeof only === 'string' ? only : JSON.stringify(only)];
  return items === undefined ? undefined : valuesOf(items);
}
