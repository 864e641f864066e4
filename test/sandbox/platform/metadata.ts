import { z } from 'zod';
import { chosenError } from './api-error.ts';
import { choices } from './choices.ts';

/** Metadata of an object: texts by key. */
export type Metadata = Record<string, string>;

/** Metadata at creation. */
export const metadataSchema = z.record(z.string(), z.string()).default({});

/** Documented: in an update a text sets a key, null deletes it, an omitted key stays. */
export const metadataPatchSchema = z.record(z.string(), z.string().nullable()).nullish();

/** Documented limits: 16 pairs, keys up to 64 characters, values up to 512. */
export function checkedMetadata(metadata: Metadata, pairs = 16): Metadata {
  const problem = metadataProblem(metadata, pairs);
  if (problem !== undefined) throw chosenError(choices.metadataLimits, problem);
  return metadata;
}

/** Says which limit the metadata breaks, if any. */
export function metadataProblem(metadata: Metadata, pairs = 16): string | undefined {
  const entries = Object.entries(metadata);
  if (entries.length > pairs) return `metadata: at most ${pairs} pairs`;
  for (const [key, value] of entries) {
    if (key.length < 1 || key.length > 64) return 'metadata: keys have 1 to 64 characters';
    if (value.length > 512) return `metadata.${key}: at most 512 characters`;
  }
  return undefined;
}

/** Applies a patch; the result is not checked yet. */
export function patchedMetadata(metadata: Metadata, patch: Record<string, string | null> | null | undefined): Metadata {
  const patched = new Map(Object.entries(metadata));
  for (const [key, value] of Object.entries(patch ?? {})) {
    if (value === null) patched.delete(key);
    else patched.set(key, value);
  }
  return Object.fromEntries(patched);
}
