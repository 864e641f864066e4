/** What a person decides about tools: at a terminal one after the other, by name, or by the ticks of a sheet. */
import { clock } from '../../clock/clock.ts';
import { AppError } from '../../errors/app-error.ts';
import { routers } from '../../offer/router.ts';
import { suspicions } from '../../offer/suspicion.ts';
import { cut, inColumns, wrapped } from '../../text/fit.ts';
import { nearestHint } from '../../text/nearest.ts';
import { quote } from '../../text/quote.ts';
import { byRisk, cardLines, type Described, fullLines, type ReviewedChange } from '../../tool-review/card.ts';
import { digestIn, type Tick, type Ticked, tickedIn, ticksOf } from '../../tool-review/sheet.ts';
import type { Ask, Ports } from '../ports.ts';
import { loadProject } from '../project.ts';
import {
  type Decision,
  readWaiting,
  reviewer,
  takeBack,
  type Waiting,
  type WaitingService,
  writeDecisions,
} from '../tools-in-review.ts';
import type { AcceptRequest, AcceptResult, ReviewRequest, ReviewResult, WaitingTool } from '../values/tools.ts';
import { usualColumns, waitingLines } from './tools.ts';

/** How long a question waits: there is much to read. */
const questionTimeoutMs = 900_000;
const usualRows = 24;

/** Records what a person reviewed: the tools that were named, or those that they say yes to. */
export async function reviewTools(request: ReviewRequest, ports: Ports): Promise<ReviewResult> {
  const { service, accept, reason, dryRun } = request;
  if (reason !== undefined && accept === undefined) {
    throw new AppError('usage', '--reason is for routers that are accepted by name', {
      hint: 'name them with --accept <name...>; without it you are asked',
    });
  }
  const configuration = await loadProject(ports);
  const waiting = await readWaiting(configuration, service, reason === undefined ? [] : accept);
  for (const { name } of waiting.moved) {
    ports.tell.warn(
      `${name} has another server than the one that was listed; first: setup-session tools refresh ${name}`,
    );
  }
  const all = waiting.services.flatMap(({ others, agreed }) => [...others, ...agreed]);
  const named = accept === undefined ? undefined : chosen(all, accept);
  const count = (named ?? all).length;
  if (count === 0) return { accepted: [], waiting: 0 };
  if (reason !== undefined) requireRouters(named ?? [], reason);
  const columns = ports.screen.columns ?? usualColumns;
  if (dryRun) {
    if (named === undefined) {
      const lines = waiting.services.flatMap((each) => waitingLines(each, columns));
      return { would_ask_about: all.map(waitingTool), beside: { lines } };
    }
    return {
      would_accept: named.map(waitingTool),
      beside: { lines: named.flatMap((each) => cardLines(each, columns)) },
    };
  }
  const { ask } = ports;
  if (named === undefined && ask === undefined) {
    throw new AppError('sign_in_needed', `nobody is here to review ${count} tools`, {
      hint: 'run it in a terminal; or write a sheet with setup-session tools export, tick what is right, and setup-session tools accept --from <sheet>',
    });
  }
  const by = await reviewer(ports, configuration, 'setup-session tools review');
  const screen = { ports, columns, rows: ports.screen.rows ?? usualRows };
  if (named !== undefined) {
    if (ask !== undefined && isMuch(named)) {
      if (!(await agreedTo({ ...screen, ask }, named))) return { accepted: [], waiting: count };
    } else for (const each of named) for (const line of cardLines(each, columns)) ports.tell.warn(line);
    await writeDecisions(
      ports,
      configuration,
      by,
      named.map((reviewed) => ({ reviewed, reason })),
    );
    return { accepted: named.map(waitingTool), waiting: 0 };
  }
  const accepted: ReviewedChange[] = [];
  const walk = {
    ...screen,
    ask: ask as Ask,
    write: async (decisions: readonly Decision[]) => {
      await writeDecisions(ports, configuration, by, decisions);
      accepted.push(...decisions.map(({ reviewed }) => reviewed));
    },
    takeBack: async (reviewed: ReviewedChange) => {
      await takeBack(ports, configuration, by, reviewed);
      accepted.splice(accepted.indexOf(reviewed), 1);
    },
  };
  for (const each of waiting.services) {
    if ((await reviewService(walk, each)) === 'quit') break;
  }
  return { accepted: accepted.map(waitingTool), waiting: count - accepted.length };
}

/** Records what is ticked in a sheet, all of it or nothing. */
export async function acceptToolSheet({ sheet, dryRun }: AcceptRequest, ports: Ports): Promise<AcceptResult> {
  const configuration = await loadProject(ports);
  const waiting = await readWaiting(configuration, undefined);
  const ticked = tickedIn(sheet);
  if (ticked.length === 0) {
    throw new AppError('usage', 'nothing is ticked in this sheet', {
      hint: 'tick what is right, as - [x], in what setup-session tools export wrote',
    });
  }
  const decisions = decisionsOf(ticked, waiting);
  const tools = decisions.map(({ reviewed }) => waitingTool(reviewed));
  if (dryRun) return { would_accept: tools };
  const by = await reviewer(ports, configuration, 'setup-session tools accept');
  await writeDecisions(ports, configuration, by, decisions);
  const all = waiting.services.reduce((sum, { agreed, others }) => sum + agreed.length + others.length, 0);
  return { accepted: tools, waiting: all - tools.length };
}

/** What the ticks of a sheet come to. Throws `usage` for lines that were edited, `drift` for what is another by now. */
function decisionsOf(ticked: readonly Ticked[], { services }: Waiting): Decision[] {
  const ticks = new Map<string, Tick>();
  for (const { service, url, agreed, others } of services) {
    for (const each of ticksOf(service.name, url, agreed, others)) ticks.set(digestIn(each.line) ?? '', each);
  }
  const decisions = new Map<string, Decision>();
  for (const { number, line, reason } of ticked) {
    const digest = digestIn(line);
    const tick = digest === undefined ? undefined : ticks.get(digest);
    if (digest === undefined || (tick !== undefined && tick.line !== line)) {
      throw new AppError('usage', `line ${number} of this sheet is not as it was written: ${quote(line)}`, {
        hint: 'nothing was accepted; write it anew: setup-session tools export',
      });
    }
    if (tick === undefined) {
      throw new AppError(
        'drift',
        `what line ${number} of this sheet is about does not wait for a review as it was: ${quote(line)}`,
        {
          hint: 'nothing was accepted: it was reviewed or listed anew meanwhile; write the sheet anew: setup-session tools export',
        },
      );
    }
    if (reason !== undefined) requireReason(reason);
    for (const reviewed of tick.reviewed) {
      const { service, name } = reviewed.change;
      const key = `${service} ${name}`;
      if (decisions.has(key)) {
        throw new AppError('usage', `line ${number} of this sheet ticks ${quote(name)} a second time`, {
          hint: 'nothing was accepted; tick its text or its shape, and not both',
        });
      }
      decisions.set(key, { reviewed, reason: tick.takesReason ? reason : undefined, byShape: tick.byShape });
    }
  }
  return [...decisions.values()];
}

/** Whether naming tools is not yet having read them: they are several, or something is suspicious of the one. */
function isMuch(named: readonly ReviewedChange[]): boolean {
  return named.length > 1 || named.some(({ suspicions: found }) => found.some(({ kind }) => kind !== 'no-hints'));
}

/** Shows what was named and asks about all of it at once. */
async function agreedTo(screen: Screen, named: readonly ReviewedChange[]): Promise<boolean> {
  const described: Described = new Map();
  const inOrder = [...named].sort(byRisk);
  await page(
    screen,
    inOrder.flatMap((each) => cardLines(each, screen.columns, described)),
  );
  const doubtful = named.filter(({ suspicions: found }) => found.some(({ kind }) => kind !== 'no-hints')).length;
  const said = doubtful === 0 ? '' : `, ${doubtful} of them suspicious`;
  return (await answerTo(screen, `accept these ${named.length}${said}? y(es), q(uit)`)) === 'y';
}

/** Where somebody is asked. */
interface Screen {
  ports: Ports;
  ask: Ask;
  columns: number;
  rows: number;
}

/** Everything that a walk through the tools of a service needs. */
interface Walk extends Screen {
  write(decisions: readonly Decision[]): Promise<void>;
  takeBack(reviewed: ReviewedChange): Promise<void>;
}

/** Shows one service: what waits in all, what can be accepted together, and the rest one after the other. */
async function reviewService(walk: Walk, waiting: WaitingService): Promise<'quit' | 'done'> {
  const { service, agreed, others } = waiting;
  const { columns } = walk;
  walk.ask.show(['', ...overviewLines(waiting, columns)]);
  let rest = others;
  if (agreed.length > 0) {
    await page(
      walk,
      inColumns(
        agreed.map(({ change }) => change.name),
        columns - 2,
      ).map((line) => `  ${line}`),
    );
    const answer = await answerTo(
      walk,
      `${service.name}: accept these ${agreed.length} that read, together? y(es), s(kip: one by one, at the end), q(uit)`,
    );
    if (answer === 'quit') return 'quit';
    if (answer === 'y') await walk.write(agreed.map((reviewed) => ({ reviewed })));
    else rest = [...others, ...agreed];
  }
  return await oneByOne(walk, rest);
}

async function oneByOne(walk: Walk, all: readonly ReviewedChange[]): Promise<'quit' | 'done'> {
  const accepted = new Set<ReviewedChange>();
  const described: Described = new Map();
  let shown = all;
  for (let index = 0; index < shown.length; ) {
    const reviewed = shown[index] as ReviewedChange;
    const { change } = reviewed;
    await page(walk, ['', `${index + 1} of ${shown.length}`, ...cardLines(reviewed, walk.columns, described)]);
    const answer = await answerTo(walk, questionOn(reviewed, accepted.has(reviewed)));
    if (answer === 'quit') return 'quit';
    if (answer === 'y' || answer === 'p' || answer === 'r') {
      const decision = accepted.has(reviewed) ? undefined : await decided(walk, reviewed, answer);
      if (decision === undefined) continue;
      await walk.write([decision]);
      accepted.add(reviewed);
      index += 1;
    } else if (answer === 'n' && accepted.has(reviewed)) {
      await walk.takeBack(reviewed);
      accepted.delete(reviewed);
      index += 1;
    } else if (answer === 'b') index = Math.max(0, index - 1);
    else if (answer === 'f') await page(walk, [`${change.name}, as it says it:`, ...fullLines(reviewed, walk.columns)]);
    else if (answer.startsWith('/')) {
      const word = answer.slice(1).toLowerCase();
      const found = all.filter((each) => each.change.name.toLowerCase().includes(word));
      if (found.length === 0) walk.ask.show([`no name has ${quote(word)} in it`]);
      else {
        shown = found;
        index = 0;
      }
    } else index += 1;
  }
  return 'done';
}

/** The decision that an answer stands for; undefined where it stands for none, which was said. */
async function decided(walk: Walk, reviewed: ReviewedChange, answer: 'y' | 'p' | 'r'): Promise<Decision | undefined> {
  if (answer === 'y') return { reviewed };
  if (answer === 'p') {
    if (reviewed.places.length > 0) return { reviewed, byShape: true };
    walk.ask.show(['nothing of it was seen to vary']);
    return undefined;
  }
  if (reviewed.change.pinned.facts.router === undefined || reviewed.change.kind === 'gone') {
    walk.ask.show(['it is no router: what it counts as is said by the file of its service']);
    return undefined;
  }
  const reason = await answered(walk, `why may it count as ${reviewed.listed}?`);
  if (reason === '') return undefined;
  requireReason(reason);
  return { reviewed, reason };
}

function questionOn({ change, counts, listed, places }: ReviewedChange, isAccepted: boolean): string {
  const { name, kind, pinned } = change;
  if (isAccepted) return `${quote(name)} was accepted just now: n takes that back; s(kip), b(ack), f(ull), q(uit)`;
  const what = kind === 'gone' ? `forget ${quote(name)}?` : `accept ${quote(name)} as ${counts}?`;
  const more = [
    ...(pinned.facts.router !== undefined && kind !== 'gone' && listed !== counts ? [`r(eason: as ${listed})`] : []),
    ...(places.length > 0 ? ['p(in its shape)'] : []),
    ...(kind === 'gone' ? [] : ['f(ull)']),
  ];
  return [`${what} y(es)`, 's(kip)', 'b(ack)', ...more, '/word', 'q(uit)'].join(', ');
}

/** One answer in short: its first letter, `/` and a word, or `quit`. What is no answer skips. */
async function answerTo(walk: Screen, question: string): Promise<string> {
  const asked = clock.monotonic();
  const answer = await answered(walk, question);
  if (/^q(uit)?$/i.test(answer)) return 'quit';
  // Nobody is there any more: the others would wait as long, one after the other.
  if (answer === '' && clock.monotonic() - asked >= questionTimeoutMs) return 'quit';
  if (answer.startsWith('/')) return answer;
  const words: Readonly<Record<string, RegExp>> = {
    y: /^y(es)?$/i,
    n: /^no?$/i,
    b: /^b(ack)?$/i,
    f: /^f(ull)?$/i,
    p: /^p(in)?$/i,
    r: /^r(eason)?$/i,
  };
  return Object.keys(words).find((word) => words[word]?.test(answer) === true) ?? 's';
}

/** The answer to a question, of which no line is wider than the screen: the one that is answered has our name before it. */
async function answered({ ports, ask, columns }: Screen, question: string): Promise<string> {
  const lines = wrapped(question, Math.max(20, columns - `${ports.executable}: `.length));
  ask.show(lines.slice(0, -1));
  return (await ask.line(lines.at(-1) ?? '', questionTimeoutMs)).trim();
}

/** Shows lines, a screen at a time. */
async function page(walk: Screen, lines: readonly string[]): Promise<void> {
  const { ask, rows } = walk;
  const room = Math.max(5, rows - 3);
  for (let index = 0; index < lines.length; index += room) {
    ask.show(lines.slice(index, index + room));
    const left = lines.length - index - room;
    if (left <= 0) return;
    const answer = await answered(walk, `${left} more lines: Enter, or q to leave them`);
    if (/^q/i.test(answer)) return;
  }
}

function overviewLines({ service, agreed, others }: WaitingService, columns: number): string[] {
  const kinds = suspicions.flatMap((kind) => {
    const count = others.filter((each) => each.suspicions.some((found) => found.kind === kind)).length;
    return count === 0 ? [] : [`${count} ${kind.replaceAll('-', ' ')}`];
  });
  const counted = (['destructive', 'write', 'read'] as const).map(
    (kind) => `${others.filter(({ counts }) => counts === kind).length} ${kind}`,
  );
  return [
    `${service.name}: ${others.length + agreed.length} wait for a review, the worst first`,
    `  one by one: ${counted.join(', ')}`,
    ...(kinds.length === 0 ? [] : [`  suspicious: ${kinds.join(', ')}`]),
    ...(agreed.length === 0 ? [] : [`  together: ${agreed.length} that read by their hints, names and schemas`]),
  ].map((line) => cut(line, columns));
}

/** The changes that were named. Throws `usage` for a name that none has, and for one that several services have. */
function chosen(waiting: readonly ReviewedChange[], names: readonly string[]): ReviewedChange[] {
  return [...new Set(names)].map((name) => {
    const [found, another] = waiting.filter(({ change }) => change.name === name);
    if (found === undefined) {
      throw new AppError('usage', `no tool ${quote(name)} waits for a review`, {
        hint: nearestHint(name, [...new Set(waiting.map(({ change }) => change.name))]).replace(
          'none are configured',
          'nothing does: see setup-session tools refresh',
        ),
      });
    }
    if (another === undefined) return found;
    const [one, other] = [found, another].map(({ change }) => quote(change.service));
    throw new AppError('usage', `${one} and ${other} both have ${quote(name)}`, {
      hint: `name the service: setup-session tools review ${found.change.service} --accept <name...>`,
    });
  });
}

function requireRouters(named: readonly ReviewedChange[], reason: string): void {
  requireReason(reason);
  const other = named.find(({ change }) => change.pinned.facts.router === undefined);
  if (other === undefined) return;
  throw new AppError('usage', `${quote(other.change.name)} is no router, and --reason is for routers`, {
    hint: `what it counts as is said by config/services/${other.change.service}.yaml; a router is what is known by: ${Object.values(routers).join('; ')}`,
  });
}

/** A reason is read by others: a word and a click of the finger are none. */
const leastReason = 10;
const longestReason = 300;

function requireReason(reason: string): void {
  if (reason.length >= leastReason && reason.length <= longestReason) return;
  throw new AppError(
    'usage',
    `a reason has ${leastReason} to ${longestReason} characters, and this one has ${reason.length}`,
    {
      hint: 'say what bounds the tool although its name does not, such as the rights of the account that it is called with',
    },
  );
}

function waitingTool({ change: { service, name, kind } }: ReviewedChange): WaitingTool {
  return { service, tool: name, change: kind };
}
