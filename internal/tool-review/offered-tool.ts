/** What a service says of its tools, as far as a person can review it. Pure; every text in it is from outside. */

import type { Catalogue } from '../config/definitions.ts';
import { concealed } from '../secret/secret.ts';
import { canonicalJson, sha256 } from '../text/canonical.ts';
import { isRecord } from '../text/record.ts';

/** What a tool does. */
export type ToolClass = keyof Catalogue;

/** What one tool says of itself: all that a model may be led by. */
export interface OfferedTool {
  title: string | undefined;
  description: string | undefined;
  inputSchema: unknown;
  /** Left out where the tool has none. */
  outputSchema: unknown;
  /** The server's own claims, as they came. */
  annotations: Record<string, unknown> | undefined;
}

/** The tools that can be reviewed, by name, and those that cannot, with why. */
export interface Offer {
  tools: Map<string, OfferedTool>;
  leftOut: { name: string; why: string }[];
}

/** More than any service needs: an agent may have 128. */
export const mostTools = 1_000;
const longestDescription = 20_000;
const longestSchema = 64 * 1024;
/** Printable ASCII without a space: a name that looks like another one, or like none, is no name. */
const namePattern = /^[\x21-\x7e]{1,128}$/;
const claimed = ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'];

/** Reads what a service listed. A tool that is left out is not pinned, and so it is off. */
export function readOffer(listed: readonly unknown[]): Offer {
  const offer: Offer = { tools: new Map(), leftOut: [] };
  const twice = new Set<string>();
  for (const entry of listed) {
    const name = isRecord(entry) && typeof entry['name'] === 'string' ? entry['name'] : '';
    const why = isRecord(entry) ? problemOf(name, entry) : 'it is not an object';
    if (why !== undefined || !isRecord(entry)) {
      offer.leftOut.push({ name, why: why ?? '' });
      continue;
    }
    if (offer.tools.has(name)) twice.add(name);
    offer.tools.set(name, toolOf(entry));
  }
  for (const name of twice) {
    offer.tools.delete(name);
    offer.leftOut.push({ name, why: 'it is listed twice' });
  }
  return offer;
}

/** What has to stay the same for a review to count. */
export function fingerprint({ title, description, inputSchema, outputSchema, annotations }: OfferedTool): string {
  return sha256(canonicalJson({ title, description, inputSchema, outputSchema, annotations }));
}

/** The class that the server's claims suggest; what claims both is not believed to read only, what claims nothing writes. */
export function suggestedClass({ annotations }: OfferedTool): ToolClass {
  if (annotations?.['destructiveHint'] === true) return 'destructive';
  return annotations?.['readOnlyHint'] === true ? 'read' : 'write';
}

function toolOf(entry: Record<string, unknown>): OfferedTool {
  const { title, description, inputSchema, outputSchema, annotations } = entry;
  return {
    title: title as string | undefined,
    description: description as string | undefined,
    inputSchema,
    outputSchema,
    annotations: annotations as Record<string, unknown> | undefined,
  };
}

function problemOf(name: string, entry: Record<string, unknown>): string | undefined {
  if (!namePattern.test(name)) return 'its name is not 1 to 128 printable ASCII characters without a space';
  const { title, description, inputSchema, outputSchema, annotations } = entry;
  if (title !== undefined && typeof title !== 'string') return 'its title is no text';
  if (description !== undefined && typeof description !== 'string') return 'its description is no text';
  const said = (title?.length ?? 0) + (description?.length ?? 0);
  if (said > longestDescription) return `it says more than ${longestDescription} characters about itself`;
  if (!isRecord(inputSchema)) return 'its input schema is no object';
  if (outputSchema !== undefined && !isRecord(outputSchema)) return 'its output schema is no object';
  if (annotations !== undefined && !isRecord(annotations)) return 'its annotations are no object';
  const wrong = claimed.find((key) => !['boolean', 'undefined'].includes(typeof annotations?.[key]));
  if (wrong !== undefined) return `its annotation ${wrong} is neither true nor false`;
  return schemaProblem([inputSchema, outputSchema ?? null, annotations ?? null], [title, description]);
}

function schemaProblem(schemas: readonly unknown[], texts: readonly (string | undefined)[]): string | undefined {
  let whole: string;
  try {
    whole = canonicalJson(schemas);
  } catch (error) {
    if (error instanceof RangeError) return `its schema is ${error.message}`;
    throw error;
  }
  if (whole.length > longestSchema) return `its schema is longer than ${longestSchema} characters`;
  const everything = [whole, ...texts].join('\n');
  return concealed(everything) === everything ? undefined : 'it repeats a secret of this run';
}
