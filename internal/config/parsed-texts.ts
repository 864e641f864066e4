/**
 * What YAML texts were found to mean before. A run whose configuration did not change then never starts the YAML
 * parser, which costs about as much as starting node itself. Texts are compared as a whole, and what is remembered
 * is checked like anything freshly parsed, so at worst this file makes a run slower.
 */
import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { readText, writeText } from '../outside/files.ts';
import type { Document, TextProblem } from './document.ts';

/** Raised when the same text would be read differently. */
const format = 1;

/** Turns texts into documents, with a memory or without. */
export interface ParsedTexts {
  /** Whether a document may come from memory, where it has no places. */
  readonly remembers: boolean;
  read(text: string): Promise<Document | TextProblem[]>;
  /** Keeps what was read this time, and only that. */
  keep(): Promise<void>;
}

/** Without a memory. */
export const parsedNow: ParsedTexts = { remembers: false, read: parse, keep: async () => {} };

/** With the memory of one configuration folder. */
export async function parsedBefore(folder: string, cacheFolder: string): Promise<ParsedTexts> {
  const name = createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 16);
  const path = join(cacheFolder, `configuration-${name}.json`);
  const before = await remembered(path);
  const now = new Map<string, unknown>();
  return {
    remembers: before.size > 0,
    async read(text) {
      const document = before.has(text) ? withoutPlaces(before.get(text)) : await parse(text);
      if (!Array.isArray(document)) now.set(text, document.data);
      return document;
    },
    async keep() {
      if (now.size === before.size && [...now.keys()].every((text) => before.has(text))) return;
      await writeText(path, JSON.stringify({ format, parsed: [...now] }), 'private').catch(unlessFileSystem);
    },
  };
}

async function parse(text: string): Promise<Document | TextProblem[]> {
  const { readDocument } = await import('./document.ts');
  return readDocument(text);
}

function withoutPlaces(data: unknown): Document {
  return { data, positionOf: () => ({ line: 1, column: 1 }) };
}

async function remembered(path: string): Promise<Map<string, unknown>> {
  const text = await readText(path).catch(unlessFileSystem);
  try {
    const kept: unknown = JSON.parse(text ?? '{}');
    if (typeof kept !== 'object' || kept === null || !('format' in kept) || kept.format !== format) return new Map();
    return 'parsed' in kept && Array.isArray(kept.parsed) ? new Map(kept.parsed) : new Map();
  } catch {
    return new Map();
  }
}

/** A cache that cannot be read or written is no reason to stop. */
function unlessFileSystem(error: unknown): undefined {
  if (error instanceof AppError && error.code === 'file_system') return undefined;
  throw error;
}
