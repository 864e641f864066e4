/** The first version of `tools.lock.json`, which held every text: what a person settled there stays settled. Pure. */
import { listedAs, type OfferedTool } from '../offer/offered-tool.ts';
import { isRecord } from '../text/record.ts';
import { isClass, isReviewer, type PinnedTool } from './pinned.ts';

/** The tools of one section, undefined for each that is no pin, and the texts that stood in it. */
export function olderPins(entries: readonly [string, unknown][]): {
  tools: [string, PinnedTool | undefined][];
  texts: Map<string, string>;
} {
  const texts = new Map<string, string>();
  const keep = (name: string, tool: OfferedTool) => {
    const listed = listedAs(name, tool);
    texts.set(listed.sha256, listed.text);
    return listed;
  };
  const tools = entries.map(([name, entry]): [string, PinnedTool | undefined] => {
    const tool = isRecord(entry) ? offeredTool(entry) : undefined;
    if (!isRecord(entry) || tool === undefined) return [name, undefined];
    const { sha256, facts } = keep(name, tool);
    const pinned = { sha256, facts, offered: entry['offered'] !== false };
    const { review } = entry;
    if (review === undefined) return [name, { ...pinned, review: undefined }];
    if (!isRecord(review)) return [name, undefined];
    const { by, at, class: kind, tool: other } = review;
    const reviewed = other === undefined ? tool : isRecord(other) ? offeredTool(other) : undefined;
    if (!isReviewer(by) || typeof at !== 'string' || !isClass(kind) || reviewed === undefined) return [name, undefined];
    return [name, { ...pinned, review: { class: kind, by, at, sha256: keep(name, reviewed).sha256, older: true } }];
  });
  return { tools, texts };
}

function offeredTool(entry: Record<string, unknown>): OfferedTool | undefined {
  const { title, description, annotations, input_schema: inputSchema, output_schema: outputSchema } = entry;
  if (!isText(title) || !isText(description)) return undefined;
  if (![annotations, inputSchema, outputSchema].every((each) => each === undefined || isRecord(each))) return undefined;
  return {
    title,
    description,
    inputSchema: inputSchema as OfferedTool['inputSchema'],
    outputSchema: outputSchema as OfferedTool['outputSchema'],
    annotations: annotations as OfferedTool['annotations'],
  };
}

function isText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}
