/** One tool as a person reviews it: what it counts as and why, what is suspicious, what it takes. Pure. */
import type { OfferedTool, ToolClass } from '../offer/offered-tool.ts';
import { type Parameter, parametersOf } from '../offer/parameters.ts';
import { momentary, type Pointer } from '../offer/shape.ts';
import {
  type Reading,
  readingOf,
  readsByAllAccounts,
  type Suspect,
  type Suspicion,
  suspicions,
} from '../offer/suspicion.ts';
import { columnsOf, cut, wrapped } from '../text/fit.ts';
import { isRecord } from '../text/record.ts';
import { revealed, revealedJson } from '../text/revealed.ts';
import type { ToolChange } from './change.ts';
import { differenceLines, placeInWords } from './difference-words.ts';
import type { Texts } from './texts.ts';

/** A change with everything that is known of it. */
export interface ReviewedChange {
  change: ToolChange;
  /** What it counts as, as long as nobody gives a reason for a router. */
  counts: ToolClass;
  /** What it would count as with a reason. */
  listed: ToolClass;
  /** Whether the service's file lists it: what it does not list stays off. */
  isListed: boolean;
  /** Whether it lists none of those that wait, which is said once. */
  noneListed: boolean;
  /** What it says now; undefined where the text is not there. */
  tool: OfferedTool | undefined;
  /** What it said when it was reviewed. */
  before: OfferedTool | undefined;
  reading: Reading | undefined;
  suspicions: readonly Suspicion[];
  /** The places whose shape can be pinned instead of their text. */
  places: readonly Pointer[];
}

/** Everything that is known of a change. */
export function reviewedChange(
  change: ToolChange,
  as: Pick<ReviewedChange, 'counts' | 'listed' | 'isListed' | 'noneListed'>,
  texts: Texts,
  suspect: Suspect,
): ReviewedChange {
  const { name, kind, pinned } = change;
  const { facts, review, varies } = pinned;
  const tool = kind === 'gone' ? undefined : texts.tool(pinned.sha256);
  const before = review === undefined ? undefined : texts.tool(review.shape?.of ?? review.sha256);
  const found = tool === undefined ? [] : suspect(name, tool, facts);
  const places = tool === undefined ? [] : [...new Set([...(varies ?? []), ...momentary(tool)])].sort();
  return {
    change,
    ...as,
    tool,
    before,
    reading: tool === undefined ? undefined : readingOf(name, tool, facts),
    suspicions: found,
    // Only what is suspicious or was seen to vary is offered: a date in an example is none.
    places: varies !== undefined || found.some(({ kind: each }) => each === 'may-vary') ? places : [],
  };
}

/** Whether a change can be accepted together with others of its kind, after their names were read. */
export function isAgreedRead({ change, reading, suspicions: found, counts, isListed }: ReviewedChange): boolean {
  const isNew = change.kind === 'new' && change.pinned.varies === undefined;
  return isNew && reading !== undefined && readsByAllAccounts(reading, found) && (counts === 'read' || !isListed);
}

/** The order in which a person looks: what is worst first, then by what it does, what is gone last. */
export function byRisk(one: ReviewedChange, other: ReviewedChange): number {
  return riskOf(one) - riskOf(other) || (one.change.name < other.change.name ? -1 : 1);
}

const classes: readonly ToolClass[] = ['destructive', 'write', 'read'];

function riskOf({ change, suspicions: found, counts }: ReviewedChange): number {
  if (change.kind === 'gone') return 1_000;
  const [worst] = found;
  const bySuspicion = worst === undefined ? suspicions.length : suspicions.indexOf(worst.kind);
  return bySuspicion * 10 + (change.kind === 'new' ? 5 : 0) + classes.indexOf(counts);
}

/** How much of a description is shown before somebody asks for all of it, in lines. */
const descriptionLines = 2;
const mostParameters = 12;

/** Parameters that were described already, with the tool that they were described at: most lists repeat theirs. */
export type Described = Map<string, string>;

/** A tool as lines of at most so many columns. */
export function cardLines(reviewed: ReviewedChange, columns: number, described: Described = new Map()): string[] {
  const { change, counts, isListed, noneListed, tool, before, reading, suspicions: found } = reviewed;
  const { name, kind, service, pinned } = change;
  const { review } = pinned;
  const width = columns - 2;
  const by = review === undefined ? '' : `, reviewed by ${revealed(review.by.label)} on ${review.at.slice(0, 10)}`;
  const words = { new: '', changed: 'changed:', varying: 'changes at each start:', gone: 'gone:' }[kind];
  const off = !isListed && !noneListed && kind !== 'gone' ? ', not listed' : '';
  const heading = cut(
    `${kind === 'new' ? '' : `${words} `}${name}${kind === 'gone' ? '' : `: ${counts}${off}`}${by}`,
    columns,
  );
  if (kind === 'gone') return [heading];
  if (tool === undefined || reading === undefined) {
    return [
      heading,
      ...indented(
        wrapped(
          `what it says is not in config/tools.lock/${service}.jsonl: setup-session tools refresh ${service}`,
          width,
        ),
      ),
    ];
  }
  const counted = readingWords(reading, counts).map((line) => cut(line, width));
  // What its hints do not say stands in the line above.
  const worth = found.filter(({ kind: each }) => each !== 'no-hints');
  const suspicious = worth.flatMap(({ why }) => wrapped(`! ${why}`, width));
  const varying = (pinned.varies ?? []).map((place) =>
    cut(`~ ${placeInWords(place)} is another each time it is asked`, width),
  );
  if (before !== undefined) {
    return [heading, ...indented([...counted, ...suspicious, ...varying, ...differenceLines(before, tool, width)])];
  }
  const parameters = parametersOf(tool.inputSchema);
  const more = parameters.length - mostParameters;
  return [
    heading,
    ...indented([
      ...counted,
      ...suspicious,
      ...varying,
      ...describedLines(tool.description, width, worth.length === 0 ? 1 : descriptionLines),
      ...parameterLines(name, parameters.slice(0, mostParameters), width, described),
      ...(more > 0 ? [`+${more} parameters`] : []),
      ...memberLines(tool, width),
    ]),
  ];
}

/** Everything that a tool says, as lines. */
export function fullLines({ tool }: ReviewedChange, columns: number): string[] {
  if (tool === undefined) return [];
  return Object.entries(tool).flatMap(([member, value]) => [
    member,
    ...(typeof value === 'string' ? value.split('\n') : revealedJson(value).split('\n')).flatMap((line) => {
      const shown = revealed(line);
      const indent = /^ */.exec(shown)?.[0].length ?? 0;
      return wrapped(shown, columns - 2 - indent).map((each) => `  ${' '.repeat(indent)}${each}`);
    }),
  ]);
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

/** Who says what it does, where not all say the same. */
function readingWords({ hints, name, schema }: Reading, counts: ToolClass): string[] {
  if (hints === counts && name === counts && (schema ?? counts) === counts) return [];
  const values = schema === undefined ? '' : ` values=${schema}`;
  return [`hints=${hints ?? 'nothing'} name=${name ?? 'nothing'}${values}`];
}

function describedLines(description: string | undefined, width: number, most: number): string[] {
  if (description === undefined) return ['it does not say what it does'];
  const lines = wrapped(revealed(description.replace(/\s+/g, ' ').trim()), width);
  if (lines.length <= most) return lines;
  return [...lines.slice(0, most - 1), cut(lines.slice(most - 1).join(' '), width)];
}

function parameterLines(tool: string, parameters: readonly Parameter[], width: number, known: Described): string[] {
  const name = Math.min(24, Math.max(0, ...parameters.map((each) => columnsOf(revealed(each.name)))) + 1);
  return parameters.map(({ name: called, type, required, description, values, header }) => {
    const start = `${revealed(called)}${required ? '*' : ''}`;
    const chosen = values === undefined ? [] : [`[${revealed(values.join(' '))}]`];
    const sent = header === undefined ? [] : [`(sent as header ${revealed(header)})`];
    // Once in a list: what is called and said the same again is known.
    const key = JSON.stringify([called, type, description]);
    const first = known.get(key) ?? tool;
    known.set(key, first);
    const said = description === undefined || first !== tool ? [] : [revealed(description.replace(/\s+/g, ' '))];
    return cut([start.padEnd(name), revealed(type), ...sent, ...chosen, ...said].join(' '), width);
  });
}

/** What a client, or a person, is told beside the model; and what is too long to be read. */
function memberLines({ outputSchema, execution, icons, meta, large }: OfferedTool, width: number): string[] {
  const task = isRecord(execution) ? execution['taskSupport'] : undefined;
  const pages = pagesIn(meta);
  return [
    ...(outputSchema === undefined
      ? []
      : [
          `answers with ${Object.keys(isRecord(outputSchema['properties']) ? outputSchema['properties'] : {}).length} members`,
        ]),
    ...(task === undefined || task === 'forbidden' ? [] : [`can be called as a task: ${revealed(String(task))}`]),
    ...(Array.isArray(icons) ? [`${icons.length} icons`] : []),
    ...pages.map((page) => `shows people a page: ${revealed(page)}`),
    ...(meta !== undefined && pages.length === 0 ? [`_meta: ${revealed(Object.keys(meta).join(' '))}`] : []),
    ...Object.entries(large ?? {}).map(
      ([member, { sha256, characters }]) => `${member}: ${characters} characters, sha256 ${sha256.slice(0, 16)}`,
    ),
  ].map((line) => cut(line, width));
}

/** Addresses of pages that a client shows to people beside an answer. */
function pagesIn(meta: unknown): string[] {
  if (!isRecord(meta)) return [];
  return Object.entries(meta).flatMap(([key, value]) => {
    if (isRecord(value)) return pagesIn(value);
    return /resourceUri|outputTemplate/i.test(key) && typeof value === 'string' ? [value] : [];
  });
}
