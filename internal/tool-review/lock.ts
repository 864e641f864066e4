/**
 * `config/tools.lock.json`: what each service said of its tools when it was last asked, by digest, and who reviewed what. It
 * is read whenever a verdict is computed, so that nothing stands in it but what a verdict needs; what the tools say is in
 * texts.ts. Reviewed like code.
 */

import { join } from 'node:path';
import type { Configuration } from '../config/definitions.ts';
import { asRead } from '../config/read-together.ts';
import { AppError } from '../errors/app-error.ts';
import { suggestedClass } from '../offer/offered-tool.ts';
import { type Router, routers } from '../offer/router.ts';
import type { Recorder } from '../platform/recorder.ts';
import { type ReviewedFile, reviewedFile } from '../stores/files/reviewed-file.ts';
import { canonicalJson, sha256 } from '../text/canonical.ts';
import { quote } from '../text/quote.ts';
import { isRecord } from '../text/record.ts';
import { revealedJson } from '../text/revealed.ts';
import { olderPins } from './older-lock.ts';
import { isClass, isReviewer, type PinnedService, type PinnedTool, type Review, type ToolsLock } from './pinned.ts';

const toolsLockName = 'tools.lock.json';
const lockVersion = 2;
/** How many of the tools that cannot be reviewed are kept, and how much of the name of one. */
const mostLeftOut = 1_000;
const longestName = 128;

/** The lock of a configuration, as it was read with it or else as it is now; an absent one is empty. Throws `config_invalid`. */
export async function readToolsLock(configuration: Pick<Configuration, 'folder' | 'together'>): Promise<ToolsLock> {
  const file = lockIn(configuration.folder);
  return await asRead(configuration, toolsLockName, async () => {
    const text = await file.read();
    return text === undefined ? new Map() : parseToolsLock(text, file.where);
  });
}

/** How long another run is waited for: it holds the mutex of the lock file for one reading and one writing. */
const mutexWaitMs = 10_000;

/** Another file that goes with the lock. */
export interface FileBeside {
  file: ReviewedFile;
  text: Iterable<string>;
}

/**
 * Changes the lock as it is now, and writes it as a whole where that made a difference: equal locks are equal files, and nothing
 * in one is unseen. What `change` answers with is written before it. Throws `already_running` where another run does not let
 * go, and what `change` throws; then nothing is written.
 */
export async function changeToolsLock(
  configFolder: string,
  { signal, recorder }: { signal: AbortSignal; recorder: Recorder },
  change: (lock: ToolsLock) => Promise<FileBeside[]>,
): Promise<void> {
  const file = lockIn(configFolder);
  const held = await file.hold({ signal, waitMs: mutexWaitMs });
  if (!('release' in held)) {
    throw new AppError(
      'already_running',
      `another run writes ${quote(file.where)} (${held.called}, since ${held.since})`,
    );
  }
  try {
    const before = await file.read();
    const lock: ToolsLock = before === undefined ? new Map() : parseToolsLock(before, file.where);
    const beside = await change(lock);
    const text = formatToolsLock(lock);
    if (text === before && beside.length === 0) return;
    await recorder.act(
      { act: 'tools_lock.write', target: { kind: 'tools_lock', id: undefined, label: file.where } },
      async (announced) => {
        // First what the lock speaks of, then the lock: one that was killed between both knows what it says.
        for (const each of beside) await each.file.write(each.text, announced);
        await file.write(text, announced);
      },
      () => ({ made: `sha256:${sha256(text)}` }),
    );
  } finally {
    await held.release();
  }
}

/** The text of a lock. */
export function formatToolsLock(lock: ToolsLock): string {
  const services = sorted(lock).map(([name, { mcpServerUrl, tools, leftOut }]) => {
    const section = {
      mcp_server_url: mcpServerUrl,
      tools: Object.fromEntries(sorted(tools).map(([tool, pinned]) => [tool, toolJson(pinned)])),
      ...(leftOut.length === 0 ? {} : { cannot_be_reviewed: leftOutJson(leftOut) }),
    };
    return [name, { digest: digestOf(name, section), ...section }] as const;
  });
  return `${revealedJson({ lock_version: lockVersion, services: Object.fromEntries(services) })}\n`;
}

/** Reads the text of a lock, of its first version as well. Throws `config_invalid`, also where a section is not as it was written. */
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
  const version = isRecord(whole) ? whole['lock_version'] : undefined;
  if (!isRecord(whole) || (version !== lockVersion && version !== 1)) {
    throw invalid(`not a lock of version ${lockVersion}`);
  }
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
    const pinned =
      version === 1 ? olderPins(tools) : { tools: tools.map(([tool, entry]) => [tool, pinnedTool(entry)] as const) };
    const wrong = pinned.tools.find(([, entry]) => entry === undefined);
    if (wrong !== undefined) throw invalid(`${quote(name)} ${quote(wrong[0])} is not a pin`);
    const leftOut = leftOutOf(section['cannot_be_reviewed']);
    if (leftOut === undefined) throw invalid(`${quote(name)} is not a pin`);
    lock.set(name, {
      mcpServerUrl,
      tools: new Map(pinned.tools as [string, PinnedTool][]),
      leftOut,
      ...('texts' in pinned ? { texts: pinned.texts } : {}),
    });
  }
  return lock;
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

function toolJson({ sha256: digest, facts, offered, review, shaped, varies }: PinnedTool) {
  return {
    sha256: digest,
    suggested_class: suggestedClass(facts),
    ...(Object.keys(facts.hints).length === 0 ? {} : { hints: facts.hints }),
    router: facts.router,
    needs_task: facts.needsTask,
    characters: facts.characters,
    ...(offered ? {} : { offered: false }),
    varies,
    shape_sha256: shaped,
    review: review && {
      class: review.class,
      by: { kind: review.by.kind, issuer: review.by.issuer, subject: review.by.subject, label: review.by.label },
      at: review.at,
      sha256: review.sha256,
      shape: review.shape,
      reason: review.reason,
      older: review.older,
    },
  };
}

function leftOutJson(leftOut: PinnedService['leftOut']) {
  return leftOut
    .filter(({ name }) => name !== '' && name.length <= longestName)
    .slice(0, mostLeftOut)
    .map(({ name, why }) => ({ name, why }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function pinnedTool(entry: unknown): PinnedTool | undefined {
  if (!isRecord(entry)) return undefined;
  const {
    sha256: digest,
    review,
    shape_sha256: shaped,
    varies,
    hints = {},
    router,
    needs_task: task,
    characters,
  } = entry;
  if (typeof digest !== 'string' || !isOptional(shaped, 'string') || !isOptional(characters, 'number'))
    return undefined;
  if (varies !== undefined && !isTexts(varies)) return undefined;
  if (router !== undefined && !isRouter(router)) return undefined;
  if (!isRecord(hints) || Object.values(hints).some((value) => typeof value !== 'boolean')) return undefined;
  const read = review === undefined ? undefined : reviewOf(review);
  if (review !== undefined && read === undefined) return undefined;
  return {
    sha256: digest,
    facts: {
      hints,
      ...(router === undefined ? {} : { router }),
      ...(task === true ? { needsTask: true as const } : {}),
      ...(typeof characters === 'number' ? { characters } : {}),
    },
    offered: entry['offered'] !== false,
    review: read,
    ...(typeof shaped === 'string' ? { shaped } : {}),
    ...(varies === undefined ? {} : { varies }),
  };
}

function reviewOf(review: unknown): Review | undefined {
  if (!isRecord(review)) return undefined;
  const { by, at, class: kind, sha256: digest, shape, reason, older } = review;
  if (!isReviewer(by) || typeof at !== 'string' || !isClass(kind) || typeof digest !== 'string') return undefined;
  if (!isOptional(reason, 'string')) return undefined;
  if (shape !== undefined && !(isRecord(shape) && typeof shape['of'] === 'string' && isTexts(shape['places']))) {
    return undefined;
  }
  return {
    class: kind,
    by,
    at,
    sha256: digest,
    ...(shape === undefined ? {} : { shape: shape as unknown as NonNullable<Review['shape']> }),
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(older === true ? { older: true as const } : {}),
  };
}

function leftOutOf(value: unknown): PinnedService['leftOut'] | undefined {
  if (value === undefined) return [];
  if (!Array.isArray(value)) return undefined;
  const read = value.flatMap((each) =>
    isRecord(each) && typeof each['name'] === 'string' && typeof each['why'] === 'string'
      ? [{ name: each['name'], why: each['why'] }]
      : [],
  );
  return read.length === value.length ? read : undefined;
}

function isRouter(value: unknown): value is Router {
  return typeof value === 'string' && Object.hasOwn(routers, value);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function isOptional(value: unknown, type: 'string' | 'number'): boolean {
  return value === undefined || typeof value === type;
}

function sorted<Value>(map: ReadonlyMap<string, Value>): [string, Value][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

function lockIn(configFolder: string): ReviewedFile {
  return reviewedFile(join(configFolder, toolsLockName));
}
