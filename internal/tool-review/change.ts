/** What a service changed about its tools since somebody reviewed them, and how a review is recorded. Pure. */
import type { Catalogue } from '../config/definitions.ts';
import type { Principal } from '../identity/principal.ts';
import { type Offer, type OfferedTool, olderDigest, type ToolClass, toolOf } from '../offer/offered-tool.ts';
import { differing, isOneShape, shapedDigest } from '../offer/shape.ts';
import { raised } from '../policy/classify.ts';
import { isAsReviewed, type PinnedService, type PinnedTool, type Review, type ToolsLock } from './pinned.ts';

/** Why a tool is off that nobody reviewed as it is. `varying` is one that is another each time the service is asked. */
export type ChangeKind = 'new' | 'changed' | 'varying' | 'gone';

/** A tool that is off because nobody reviewed it as it is. */
export interface ToolChange {
  service: string;
  name: string;
  kind: ChangeKind;
  pinned: PinnedTool;
}

/** What was said before, by digest. */
export type Known = (digest: string) => OfferedTool | undefined;

/**
 * The pin after a service was listed again. At another server nothing is reviewed yet, whatever it says. `again` is what it
 * listed a moment later, where that was asked for.
 */
export function mergeOffer(
  before: PinnedService | undefined,
  mcpServerUrl: string,
  { tools, leftOut }: Pick<Offer, 'tools' | 'leftOut'>,
  { known, again }: { known: Known; again?: Offer | undefined },
): PinnedService {
  const pins = before?.mcpServerUrl === mcpServerUrl ? before.tools : new Map<string, PinnedTool>();
  const listed = [...tools].map(([name, { sha256, facts, text }]): [string, PinnedTool] => {
    const pinned = pins.get(name);
    const now: PinnedTool = { sha256, facts, offered: true, review: pinned?.review };
    let parsed: OfferedTool | undefined;
    const tool = () => {
      parsed ??= toolOf({ text });
      return parsed;
    };
    const { review } = now;
    if (review?.older === true && (review.sha256 === sha256 || review.sha256 === olderDigest(tool()))) {
      const { older: _, ...rest } = review;
      now.review = { ...rest, sha256 };
    }
    if (review?.shape !== undefined) now.shaped = shapedDigest(tool(), review.shape.places);
    const varies = variesIn(name, pinned, sha256, { tool, known, again });
    return [name, varies === undefined ? now : { ...now, varies }];
  });
  const gone = [...pins].flatMap(([name, pinned]): [string, PinnedTool][] =>
    tools.has(name) || pinned.review === undefined ? [] : [[name, { ...pinned, offered: false }]],
  );
  return { mcpServerUrl, tools: new Map([...listed, ...gone]), leftOut };
}

/** Whether a service has to be asked once more: something is new, or other than it was listed last. */
export function hasChanged(before: PinnedService | undefined, { tools }: Pick<Offer, 'tools'>): boolean {
  return [...tools].some(([name, { sha256 }]) => before?.tools.get(name)?.sha256 !== sha256);
}

/** The places that are another each time: between two lists of one moment, or since the last one in nothing but their shape. */
function variesIn(
  name: string,
  pinned: PinnedTool | undefined,
  sha256: string,
  { tool, known, again }: { tool: () => OfferedTool; known: Known; again: Offer | undefined },
): string[] | undefined {
  const other = again?.tools.get(name);
  const found = new Set(pinned?.sha256 === sha256 ? pinned.varies : []);
  if (other !== undefined && other.sha256 !== sha256) {
    for (const place of differing(tool(), toolOf(other))) found.add(place);
  }
  const last = pinned === undefined || pinned.sha256 === sha256 ? undefined : known(pinned.sha256);
  if (last !== undefined) {
    const places = differing(last, tool());
    if (isOneShape(last, tool(), places)) for (const place of places) found.add(place);
    // What varied before and is what differs now goes on varying.
    else if (places.every((place) => pinned?.varies?.includes(place))) for (const place of places) found.add(place);
  }
  return found.size === 0 ? undefined : [...found].sort();
}

/** Everything that waits for a review at one service, by name. */
export function changesOf(service: string, lock: ToolsLock): ToolChange[] {
  const changes = [...(lock.get(service)?.tools ?? [])].flatMap(([name, pinned]): ToolChange[] => {
    const kind = kindOf(pinned);
    return kind === undefined ? [] : [{ service, name, kind, pinned }];
  });
  return changes.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What a person decided about one change. */
export interface Accepted {
  change: ToolChange;
  class: ToolClass;
  /** Why a router counts as what the service's file says. */
  reason?: string | undefined;
  /** The places whose shape is pinned instead of their text. */
  shape?: { places: string[]; digest: string } | undefined;
}

/**
 * Records in a lock what somebody reviewed, all of it or nothing: the changes that are no longer what was shown, if there are
 * any. What is gone is forgotten.
 */
export function recordReviews(
  lock: ToolsLock,
  accepted: readonly Accepted[],
  { by, at }: { by: Principal; at: Date },
): ToolChange[] {
  const otherwise = accepted.map(({ change }) => change).filter((change) => !isAsShown(lock, change));
  if (otherwise.length > 0) return otherwise;
  const { kind, issuer, subject, label } = by;
  for (const { change, class: counted, reason, shape } of accepted) {
    const tools = lock.get(change.service)?.tools;
    const now = tools?.get(change.name);
    if (tools === undefined || now === undefined) continue;
    if (change.kind === 'gone') {
      tools.delete(change.name);
      continue;
    }
    const review: Review = {
      class: counted,
      by: { kind, issuer, subject, label },
      at: at.toISOString(),
      sha256: shape?.digest ?? now.sha256,
      ...(shape === undefined ? {} : { shape: { of: now.sha256, places: shape.places } }),
      ...(reason === undefined ? {} : { reason }),
    };
    tools.set(change.name, { ...now, review, shaped: shape?.digest });
  }
  return [];
}

function isAsShown(lock: ToolsLock, { service, name, pinned: shown }: ToolChange): boolean {
  const now = lock.get(service)?.tools.get(name);
  return now !== undefined && now.offered === shown.offered && now.sha256 === shown.sha256;
}

/**
 * What a tool counts as: as people listed it, or more carefully where its server claims so or a verdict by its name bounds
 * nothing; write where nobody listed it.
 */
export function reviewedClass(
  { name, pinned: { facts } }: ToolChange,
  catalogue: Catalogue,
  reason?: string,
): ToolClass {
  const { read, write, destructive } = catalogue;
  const listed = destructive.includes(name)
    ? 'destructive'
    : read.includes(name) && !write.includes(name)
      ? 'read'
      : 'write';
  return raised(listed, { ...facts.hints, router: facts.router !== undefined && reason === undefined });
}

/** The digests of the texts of one service that something may still be compared with. */
export function neededTexts({ tools }: PinnedService): { tool: string; digest: string }[] {
  return [...tools].flatMap(([tool, { sha256, review }]) => {
    const reviewed = review?.shape?.of ?? review?.sha256;
    const digests = reviewed === undefined || reviewed === sha256 ? [sha256] : [sha256, reviewed];
    return digests.map((digest) => ({ tool, digest }));
  });
}

function kindOf(pinned: PinnedTool): ChangeKind | undefined {
  if (!pinned.offered) return 'gone';
  if (pinned.review === undefined) return 'new';
  if (isAsReviewed(pinned)) return undefined;
  return pinned.varies === undefined ? 'changed' : 'varying';
}
