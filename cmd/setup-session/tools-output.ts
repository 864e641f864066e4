import type { CommandResult } from '../../internal/cli/program.ts';
import type { Service } from '../../internal/config/definitions.ts';
import { changeLines, type ToolChange } from '../../internal/tool-review/change.ts';
import type { Offer } from '../../internal/tool-review/offered-tool.ts';

/** What listing the tools of one service came to. */
export interface Refreshed {
  service: string;
  /** How many tools were listed that can be reviewed. */
  listed: number;
  /** What is off because nobody reviewed it as it is. */
  changes: readonly ToolChange[];
  leftOut: Offer['leftOut'];
}

const kinds = ['new', 'changed', 'gone'] as const;

/** What was listed, and what is off now. */
export function showRefreshed(done: readonly Refreshed[]): CommandResult {
  const lines = done.flatMap(({ service, listed, changes }) => [
    `${service}: ${listed} tools, ${changes.length === 0 ? 'all as they were reviewed' : `${changes.length} wait for a review`}`,
    ...changes.map(({ kind, name }) => `  ${kind.padEnd(7)}  ${name}`),
  ]);
  const waiting = done.find(({ changes }) => changes.length > 0);
  const next = waiting === undefined ? [] : [`they are off until then: setup-session tools review ${waiting.service}`];
  return {
    text: [...lines, ...next].join('\n'),
    json: {
      services: done.map(({ service, listed, changes, leftOut }) => ({
        service,
        listed,
        ...Object.fromEntries(kinds.map((kind) => [kind, namesOf(changes, kind)])),
        left_out: leftOut,
      })),
    },
  };
}

/** What a refresh would write, and where somebody would have to sign in to know. */
export function showRefreshPlan(done: readonly Refreshed[], wouldSignIn: readonly string[]): CommandResult {
  const { text, json } = showRefreshed(done);
  return {
    text: [
      ...(text === '' ? [] : [text]),
      ...wouldSignIn.map((name) => `${name}: would sign in there to see its tools`),
      'nothing was written',
    ].join('\n'),
    json: { ...(json as object), would_sign_in_at: wouldSignIn },
  };
}

/** What a review would ask about, or accept where it was said so. */
export function showReviewPlan(changes: readonly ToolChange[], accepted: boolean): CommandResult {
  const would = accepted ? 'would accept' : 'would ask about';
  return {
    text: changes.flatMap((change) => [...changeLines(change), `${would} ${change.service} ${change.name}`]).join('\n'),
    json: {
      [accepted ? 'would_accept' : 'would_ask_about']: changes.map(({ service, name, kind }) => ({
        service,
        tool: name,
        change: kind,
      })),
    },
  };
}

/** What waits for a review, as text with everything unseen made visible. Ends with 7 where there is anything. */
export function showDiff(
  changes: readonly ToolChange[],
  unpinned: readonly Service[],
  moved: readonly Service[],
): CommandResult {
  const lines = [
    ...moved.map(
      ({ name }) => `moved    ${name}: its file names another server than the one that was listed; its tools are off`,
    ),
    ...changes.flatMap(changeLines),
    ...unpinned.map(({ name }) => `${name} is not pinned: setup-session tools refresh ${name}`),
  ];
  return {
    text: lines.length === 0 ? 'every tool is as it was reviewed' : lines.join('\n'),
    json: {
      changes: changes.map(({ service, name, kind, pinned: { tool, review } }) => ({
        service,
        tool: name,
        change: kind,
        offered: kind === 'gone' ? null : tool,
        reviewed: review?.tool ?? null,
        reviewed_by: review?.by ?? null,
        reviewed_at: review?.at ?? null,
      })),
      moved: moved.map(({ name }) => name),
      not_pinned: unpinned.map(({ name }) => name),
    },
    exit: changes.length + moved.length === 0 ? 0 : 7,
  };
}

/** What was accepted, and how many tools are off still. */
export function showReviewed(accepted: readonly ToolChange[], waiting: number): CommandResult {
  const lines = accepted.map(
    ({ service, name, kind }) => `${kind === 'gone' ? 'forgot' : 'accepted'} ${service} ${name}`,
  );
  const rest = waiting === 0 ? [] : [`${waiting} still wait for a review, and are off`];
  return {
    text: lines.length + rest.length === 0 ? 'nothing waits for a review' : [...lines, ...rest].join('\n'),
    json: { accepted: accepted.map(({ service, name, kind }) => ({ service, tool: name, change: kind })), waiting },
  };
}

function namesOf(changes: readonly ToolChange[], kind: ToolChange['kind']): string[] {
  return changes.filter((change) => change.kind === kind).map(({ name }) => name);
}
