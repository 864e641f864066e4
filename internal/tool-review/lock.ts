/**
 * `config/tools.lock.json`: what each service said of its tools when it was last asked, and who reviewed what. The texts
 * stand in it whole: from a hash nobody could see what changed. Reviewed like code.
 */

import { join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import type { Recorder } from '../platform/recorder.ts';
import { type ReviewedFile, reviewedFile } from '../stores/files/reviewed-file.ts';
import { canonicalJson, sha256 } from '../text/canonical.ts';
import { quote } from '../text/quote.ts';
import { isRecord } from '../text/record.ts';
import { revealedJson } from '../text/revealed.ts';
import { fingerprint, type OfferedTool, suggestedClass, type ToolClass } from './offered-tool.ts';

/** Who reviewed a tool, as a proven principal, and when. */
export interface Review {
  /** What the tool counted as then. */
  class: ToolClass;
  by: { kind: string; issuer: string; subject: string; label: string };
  at: string;
  /** What was reviewed. */
  tool: OfferedTool;
}

/** One tool of a service. */
export interface PinnedTool {
  /** What was listed last. */
  tool: OfferedTool;
  /** False where the service no longer lists it. */
  offered: boolean;
  review: Review | undefined;
}

/** The tools of one service by name, and the server that they were listed by. */
export interface PinnedService {
  mcpServerUrl: string;
  tools: Map<string, PinnedTool>;
}

/** The lock's content by service. */
export type ToolsLock = Map<string, PinnedService>;

const lockVersion = 1;

/** Reads the lock of a configuration folder; an absent one is empty. Throws `config_invalid`. */
export async function readToolsLock(configFolder: string): Promise<ToolsLock> {
  const file = lockIn(configFolder);
  const text = await file.read();
  return text === undefined ? new Map() : parseToolsLock(text, file.where);
}

/** Writes the lock as a whole: equal locks are equal files, and nothing in the file is unseen. */
export async function writeToolsLock(configFolder: string, lock: ToolsLock, recorder: Recorder): Promise<void> {
  const [file, text] = [lockIn(configFolder), formatToolsLock(lock)];
  await recorder.act(
    { act: 'tools_lock.write', target: { kind: 'tools_lock', id: undefined, label: file.where } },
    (announced) => file.write(text, announced),
    () => ({ made: `sha256:${sha256(text)}` }),
  );
}

/** The text of a lock. */
export function formatToolsLock(lock: ToolsLock): string {
  const services = sorted(lock).map(([name, { mcpServerUrl, tools }]) => {
    const section = {
      mcp_server_url: mcpServerUrl,
      tools: Object.fromEntries(sorted(tools).map(([tool, pinned]) => [tool, toolJson(pinned)])),
    };
    return [name, { digest: digestOf(name, section), ...section }] as const;
  });
  return `${revealedJson({ lock_version: lockVersion, services: Object.fromEntries(services) })}\n`;
}

/** Reads the text of a lock. Throws `config_invalid`, also where a section is not as it was written. */
export function parseToolsLock(text: string, path: string): ToolsLock {
  const invalid = (why: string) =>
    new AppError('config_invalid', `${quote(path)}: ${why}`, {
      hint: 'restore it from version control; if it is lost, take the service out of it, and list and review its tools again: setup-session tools refresh',
    });
  let whole: unknown;
  try {
    whole = JSON.parse(text);
  } catch {
    throw invalid(/^(<{7}|={7}|>{7})/m.test(text) ? 'it holds merge conflict markers' : 'it is not JSON');
  }
  if (!isRecord(whole) || whole['lock_version'] !== lockVersion) throw invalid(`not a lock of version ${lockVersion}`);
  if (!isRecord(whole['services'])) throw invalid('"services" is not an object');
  const lock: ToolsLock = new Map();
  for (const [name, value] of Object.entries(whole['services'])) {
    const { digest, ...section } = isRecord(value) ? value : {};
    if (digest !== digestIfShallow(name, section)) {
      throw invalid(`the tools of ${quote(name)} were changed by hand, and nobody is known to have reviewed that`);
    }
    // The digest is no secret: whoever computes it anew may still have written nonsense.
    const tools = isRecord(section['tools']) ? Object.entries(section['tools']) : undefined;
    const { mcp_server_url: mcpServerUrl } = section;
    if (tools === undefined || typeof mcpServerUrl !== 'string') throw invalid(`${quote(name)} is not a pin`);
    const pinned = tools.map(([tool, entry]) => [tool, pinnedTool(entry)] as const);
    const wrong = pinned.find(([, entry]) => entry === undefined);
    if (wrong !== undefined) throw invalid(`${quote(name)} ${quote(wrong[0])} is not a pin`);
    lock.set(name, { mcpServerUrl, tools: new Map(pinned as [string, PinnedTool][]) });
  }
  return lock;
}

/** Whether the tool is as it was when somebody reviewed it. */
export function isAsReviewed({ tool, review }: PinnedTool): boolean {
  return review !== undefined && (review.tool === tool || fingerprint(tool) === fingerprint(review.tool));
}

function digestOf(service: string, section: object): string {
  return sha256(canonicalJson({ service, ...section }));
}

function digestIfShallow(service: string, section: object): string | undefined {
  try {
    return digestOf(service, section);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function toolJson(pinned: PinnedTool) {
  const { tool, offered, review } = pinned;
  return {
    ...offeredJson(tool),
    suggested_class: suggestedClass(tool),
    ...(offered ? {} : { offered: false }),
    review: review && {
      class: review.class,
      by: { kind: review.by.kind, issuer: review.by.issuer, subject: review.by.subject, label: review.by.label },
      at: review.at,
      // Once more only where it is something else: what stands above is what was reviewed otherwise.
      ...(isAsReviewed(pinned) ? {} : { tool: offeredJson(review.tool) }),
    },
  };
}

function offeredJson({ title, description, inputSchema, outputSchema, annotations }: OfferedTool) {
  return {
    title,
    description_sha256: sha256(description ?? ''),
    description,
    input_schema_sha256: sha256(canonicalJson(inputSchema)),
    input_schema: sortedKeys(inputSchema),
    output_schema: sortedKeys(outputSchema),
    annotations: sortedKeys(annotations),
  };
}

/** A service that lists its keys in another order every night has changed nothing. */
function sortedKeys(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(canonicalJson(value));
}

function pinnedTool(entry: unknown): PinnedTool | undefined {
  if (!isRecord(entry)) return undefined;
  const tool = offeredTool(entry);
  if (tool === undefined) return undefined;
  const pinned = { tool, offered: entry['offered'] !== false };
  const { review } = entry;
  if (review === undefined) return { ...pinned, review: undefined };
  if (!isRecord(review)) return undefined;
  const { by, at, class: kind } = review;
  const reviewed = review['tool'] === undefined ? tool : isRecord(review['tool']) && offeredTool(review['tool']);
  if (!isReviewer(by) || typeof at !== 'string' || !isClass(kind) || !reviewed) return undefined;
  return { ...pinned, review: { class: kind, by, at, tool: reviewed } };
}

function offeredTool(entry: Record<string, unknown>): OfferedTool | undefined {
  const { title, description, annotations } = entry;
  if (!isText(title) || !isText(description)) return undefined;
  if (annotations !== undefined && !isRecord(annotations)) return undefined;
  return {
    title,
    description,
    inputSchema: entry['input_schema'],
    outputSchema: entry['output_schema'],
    annotations,
  };
}

function isReviewer(by: unknown): by is Review['by'] {
  return isRecord(by) && ['kind', 'issuer', 'subject', 'label'].every((key) => typeof by[key] === 'string');
}

function isClass(kind: unknown): kind is ToolClass {
  return kind === 'read' || kind === 'write' || kind === 'destructive';
}

function isText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

function sorted<Value>(map: ReadonlyMap<string, Value>): [string, Value][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

function lockIn(configFolder: string): ReviewedFile {
  return reviewedFile(join(configFolder, 'tools.lock.json'));
}
