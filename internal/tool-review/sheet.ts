/**
 * The review sheet: a Markdown file in which people tick what is right, in a pull request or an editor, and which is read back
 * with each tick bound to what it was about. Pure. Every line of ours begins at the first column and every line from outside
 * does not, so that no text of a server can tick anything.
 */
import { canonicalJson, sha256 } from '../text/canonical.ts';
import { cardLines, type Described, type ReviewedChange } from './card.ts';
import { placeInWords } from './difference-words.ts';

/** What one tick accepts. */
export interface Tick {
  /** As it stands in the sheet, without its box. */
  line: string;
  reviewed: readonly ReviewedChange[];
  byShape: boolean;
  /** Whether a reason can stand below it. */
  takesReason: boolean;
}

/** How wide a sheet is. */
const columns = 100;

/** The ticks of one service: one for each tool, one for its shape where it has one, one for all that read by all accounts. */
export function ticksOf(
  service: string,
  url: string,
  agreed: readonly ReviewedChange[],
  others: readonly ReviewedChange[],
): Tick[] {
  return [
    ...others.flatMap((each) => [
      tick(service, url, [each], false),
      ...(each.places.length > 0 ? [tick(service, url, [each], true)] : []),
    ]),
    ...(agreed.length > 0 ? [tick(service, url, agreed, false)] : []),
  ];
}

/** The part of a sheet that is about one service. */
export function sheetPart(
  service: string,
  url: string,
  agreed: readonly ReviewedChange[],
  others: readonly ReviewedChange[],
): string[] {
  const ticks = ticksOf(service, url, agreed, others);
  const described: Described = new Map();
  const single = (each: ReviewedChange) =>
    ticks.filter(({ reviewed }) => reviewed.length === 1 && reviewed[0] === each);
  const all = agreed.length > 0 ? ticks.at(-1) : undefined;
  return [
    `## ${service}, ${others.length + agreed.length} wait`,
    '',
    ...others.flatMap((each) => {
      const [own, shape] = single(each);
      return [
        ...(own === undefined ? [] : box(own)),
        ...(shape === undefined ? [] : box(shape)),
        ...fenced(cardLines(each, columns - 2, described)),
        '',
      ];
    }),
    ...(all === undefined ? [] : [...box(all), ...fenced(agreed.map(({ change }) => change.name)), '']),
  ];
}

/** What stands above a sheet. */
export function sheetHead(at: Date): string[] {
  return [
    '# Tools that wait for a review',
    '',
    `Written by \`setup-session tools export\` on ${at.toISOString().slice(0, 10)}. Tick what is right (\`- [x]\`) and take it over with`,
    '`setup-session tools accept --from <this file>`. A tick is for what the tool says now: after another `tools refresh` it',
    'counts no more. What is between `~~~` comes from the servers. The whole texts are in `config/tools.lock/`.',
    '',
  ];
}

/** One ticked line of a sheet, with its number. */
export interface Ticked {
  number: number;
  line: string;
  reason: string | undefined;
}

/** The ticked lines of a sheet. Nothing else of it counts. */
export function tickedIn(text: string): Ticked[] {
  const lines = text.split(/\r?\n/);
  return lines.flatMap((each, index): Ticked[] => {
    const [, line] = /^[-*] \[[xX]\] (.*?) *$/.exec(each) ?? [];
    if (line === undefined) return [];
    // Right below its tick, and nowhere else: further down stands what servers say.
    const [, reason = ''] = /^ {2}reason: *(.*?) *$/.exec(lines[index + 1] ?? '') ?? [];
    return [{ number: index + 1, line, reason: reason === '' ? undefined : reason }];
  });
}

/** The digest that a line ends with; undefined where it ends with none. */
export function digestIn(line: string): string | undefined {
  return / tick ([0-9a-f]{64})$/.exec(line)?.[1];
}

function tick(service: string, url: string, reviewed: readonly ReviewedChange[], byShape: boolean): Tick {
  const [first] = reviewed;
  const digest = sha256(
    canonicalJson({
      service,
      url,
      byShape,
      tools: reviewed.map(({ change: { name, kind, pinned }, counts, places }) => ({
        name,
        kind,
        counts,
        sha256: pinned.sha256,
        places: byShape ? places : undefined,
      })),
    }),
  );
  const alone = reviewed.length === 1 && first !== undefined ? first : undefined;
  const { facts } = alone?.change.pinned ?? {};
  // Where it is listed as what it counts as anyway, there is nothing to give a reason for.
  const takesReason = facts?.router !== undefined && alone?.change.kind !== 'gone' && alone?.listed !== alone?.counts;
  const what =
    alone === undefined
      ? `all ${reviewed.length} below: they read by their hints, names and schemas`
      : alone.change.kind === 'gone'
        ? `forget ${code(alone.change.name)}`
        : `${code(alone.change.name)} as ${alone.counts}${byShape ? `, by the shape of ${alone.places.map(placeInWords).map(code).join(', ')}` : ''}`;
  return { line: `${what} · tick ${digest}`, reviewed, byShape, takesReason };
}

function box({ line, takesReason }: Tick): string[] {
  return [`- [ ] ${line}`, ...(takesReason ? ['  reason: '] : [])];
}

/** Lines from outside in a fence that none of them can end, each away from the first column. */
function fenced(lines: readonly string[]): string[] {
  const longest = Math.max(2, ...lines.flatMap((line) => [...line.matchAll(/~+/g)].map(([run]) => run.length)));
  const fence = '~'.repeat(longest + 1);
  return ['', `  ${fence}`, ...lines.map((line) => `  ${line}`), `  ${fence}`];
}

/** A name as code, whatever backticks it holds. */
function code(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const mark = '`'.repeat(longest + 1);
  return text.includes('`') ? `${mark} ${text} ${mark}` : `${mark}${text}${mark}`;
}
