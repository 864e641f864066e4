import { z } from 'zod';
import { invalidRequest } from './api-error.ts';

/**
 * Checks what a client sent. The message names the field and the rule, never the value, which may be a secret.
 * Unknown fields are refused wherever the schema is a strict object (choices.unknownField).
 */
export function parse<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  if (issue === undefined) throw invalidRequest('the request is not valid');
  throw invalidRequest(describe(issue));
}

function describe(issue: z.core.$ZodIssue, above: readonly PropertyKey[] = []): string {
  const path = [...above, ...issue.path];
  const place = path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const fields = issue.keys.map((key) => (place === '' ? key : `${place}.${key}`));
    return `${fields.join(', ')}: unknown field`;
  }
  // Of several forms the one that the client meant is the one whose trouble lies deeper than its type.
  const meant =
    issue.code === 'invalid_union' ? issue.errors.flatMap(([first]) => first ?? []).find(isDeep) : undefined;
  if (meant !== undefined) return describe(meant, path);
  const problem = issue.message.replace(/^Invalid input: /, '');
  return place === '' ? problem : `${place}: ${problem}`;
}

function isDeep(issue: z.core.$ZodIssue): boolean {
  return issue.path.length > 0 || issue.code !== 'invalid_type';
}

/** A text with a length limit. */
export function text(minimum: number, maximum: number) {
  return z.string().min(minimum).max(maximum);
}

/** A whole number in a query string. */
export function queryCount(minimum: number, maximum: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/, 'expected a whole number')
    .transform(Number)
    .pipe(z.int().min(minimum).max(maximum));
}

/** A boolean in a query string. */
export const queryFlag = z.enum(['true', 'false']).transform((flag) => flag === 'true');

/** A timestamp in a query string or body, as milliseconds. */
export const instant = z.iso.datetime({ offset: true }).transform((timestamp) => Date.parse(timestamp));

/** The four created_at filters. */
export const createdAtQuery = {
  'created_at[gt]': instant.optional(),
  'created_at[gte]': instant.optional(),
  'created_at[lt]': instant.optional(),
  'created_at[lte]': instant.optional(),
};

/** Brings the created_at filters of a query into one range. */
export function createdAtRange(query: { [K in keyof typeof createdAtQuery]?: number | undefined }) {
  return {
    gt: query['created_at[gt]'],
    gte: query['created_at[gte]'],
    lt: query['created_at[lt]'],
    lte: query['created_at[lte]'],
  };
}

/** Turns a query string into an object for a schema; only names that end in [] may repeat, as documented. */
export function queryObject(search: URLSearchParams): Record<string, string | string[]> {
  const query = new Map<string, string | string[]>();
  for (const [name, value] of search) {
    // Documented: older clients still send it, and it means nothing.
    if (name === 'beta' && value === 'true') continue;
    const known = query.get(name);
    if (name.endsWith('[]')) query.set(name, [...(known ?? []), value]);
    else if (known === undefined) query.set(name, value);
    else throw invalidRequest(`${name}: given more than once`);
  }
  return Object.fromEntries(query);
}
