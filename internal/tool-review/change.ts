/** What a service changed about its tools since somebody reviewed them, and how a review is recorded. Pure. */
import type { Catalogue } from '../config/definitions.ts';
import type { Principal } from '../identity/principal.ts';
import { classify } from '../policy/classify.ts';
import { canonicalJson } from '../text/canonical.ts';
import { lineDiff } from '../text/line-diff.ts';
import { revealed } from '../text/revealed.ts';
import { isAsReviewed, type PinnedService, type PinnedTool, type Review, type ToolsLock } from './lock.ts';
import { fingerprint, type Offer, type OfferedTool, type ToolClass } from './offered-tool.ts';

/** A tool that is off because nobody reviewed it as it is. */
export interface ToolChange {
  service: string;
  name: string;
  kind: 'new' | 'changed' | 'gone';
  pinned: PinnedTool;
}

/** The pin after a service was listed again. At another server nothing is reviewed yet, whatever it says. */
export function mergeOffer(
  before: PinnedService | undefined,
  mcpServerUrl: string,
  { tools }: Pick<Offer, 'tools'>,
): PinnedService {
  const known = before?.mcpServerUrl === mcpServerUrl ? before.tools : new Map<string, PinnedTool>();
  const listed = [...tools].map(([name, tool]): [string, PinnedTool] => [
    name,
    { tool, offered: true, review: known.get(name)?.review },
  ]);
  const gone = [...known].flatMap(([name, pinned]): [string, PinnedTool][] =>
    tools.has(name) || pinned.review === undefined ? [] : [[name, { ...pinned, offered: false }]],
  );
  return { mcpServerUrl, tools: new Map([...listed, ...gone]) };
}

/** Everything that waits for a review at one service, by name. */
export function changesOf(service: string, lock: ToolsLock): ToolChange[] {
  const changes = [...(lock.get(service)?.tools ?? [])].flatMap(([name, pinned]): ToolChange[] => {
    const kind = kindOf(pinned);
    return kind === undefined ? [] : [{ service, name, kind, pinned }];
  });
  return changes.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Records in a lock that somebody reviewed one change, and whether it could be: false where the tool is no longer what
 * was shown. What is gone is forgotten.
 */
export function recordReview(
  lock: ToolsLock,
  { service, name, kind, pinned: shown }: ToolChange,
  review: { class: ToolClass; by: Principal; at: Date },
): boolean {
  const tools = lock.get(service)?.tools;
  const now = tools?.get(name);
  if (tools === undefined || now === undefined || now.offered !== shown.offered) return false;
  if (fingerprint(now.tool) !== fingerprint(shown.tool)) return false;
  if (kind === 'gone') return tools.delete(name);
  const { kind: reviewer, issuer, subject, label } = review.by;
  const by: Review['by'] = { kind: reviewer, issuer, subject, label };
  tools.set(name, { ...now, review: { class: review.class, by, at: review.at.toISOString(), tool: now.tool } });
  return true;
}

/** What a tool counts as: as people listed it, or more carefully where its server claims so; write where nobody did. */
export function reviewedClass({ name, pinned: { tool } }: ToolChange, catalogue: Catalogue): ToolClass {
  const { readOnlyHint, destructiveHint } = tool.annotations ?? {};
  const claims = { readOnlyHint: asClaim(readOnlyHint), destructiveHint: asClaim(destructiveHint) };
  return classify({ name, annotations: claims }, catalogue);
}

function asClaim(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

/** Runs of unchanged lines longer than this are left out, but for their ends. */
const longestContext = 4;

/** A change as lines of text: what went with `-`, what came with `+`, and everything unseen made visible (P9). */
export function changeLines({ name, service, kind, pinned }: ToolChange): string[] {
  const { review, tool } = pinned;
  const by = review === undefined ? '' : `, reviewed by ${revealed(review.by.label)} on ${review.at.slice(0, 10)}`;
  const heading = `${kind.padEnd(7)}  ${service} ${name}${by}`;
  if (kind === 'gone') return [heading];
  return [
    heading,
    ...parts.flatMap(([title, linesOf]) => partLines(title, review && linesOf(review.tool), linesOf(tool))),
  ];
}

function partLines(title: string, before: readonly string[] | undefined, after: readonly string[]): string[] {
  const lines = lineDiff(before ?? [], after);
  if (lines.every(({ sign }) => sign === ' ')) return [];
  const shown = lines.flatMap(({ sign, text }, index) => {
    const near = lines.slice(Math.max(0, index - longestContext), index + longestContext + 1);
    if (near.some((line) => line.sign !== ' ')) return [`    ${sign} ${revealed(text)}`];
    const isFirst = lines[index - 1]?.sign !== ' ' || wasNear(lines, index - 1);
    return isFirst ? ['      ...'] : [];
  });
  return [`  ${title}`, ...shown];
}

function wasNear(lines: readonly { sign: string }[], index: number): boolean {
  return lines.slice(Math.max(0, index - longestContext), index + longestContext + 1).some(({ sign }) => sign !== ' ');
}

const parts: [title: string, lines: (tool: OfferedTool) => string[]][] = [
  ['title', ({ title }) => (title === undefined ? [] : [title])],
  ['description', ({ description }) => (description === undefined ? [] : description.split('\n'))],
  ['claims', ({ annotations }) => jsonLines(annotations)],
  ['input schema', ({ inputSchema }) => jsonLines(inputSchema)],
  ['output schema', ({ outputSchema }) => jsonLines(outputSchema)],
];

/** One form for equal values, so that another order of keys is no change. */
function jsonLines(value: unknown): string[] {
  return value === undefined ? [] : JSON.stringify(JSON.parse(canonicalJson(value)), undefined, 2).split('\n');
}

function kindOf(pinned: PinnedTool): ToolChange['kind'] | undefined {
  if (!pinned.offered) return 'gone';
  if (pinned.review === undefined) return 'new';
  return isAsReviewed(pinned) ? undefined : 'changed';
}
