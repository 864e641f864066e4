/**
 * What is suspicious of a tool: where what it claims, how it is called and what can be asked of it disagree, where a verdict
 * by its name bounds nothing, and where its words lead a model on or cannot stay the same. Pure. Nothing of it decides
 * whether a tool may be on; it says what a person should look at first.
 */
import { revealed } from '../text/revealed.ts';
import type { OfferedTool, ToolClass, ToolFacts } from './offered-tool.ts';
import { routers } from './router.ts';
import { classInName, classInSchema, wider } from './tool-words.ts';

/** What can be suspicious, the worst first. */
export const suspicions = [
  'router',
  'instructs',
  'hidden',
  'both-hints',
  'reads-but-changes',
  'mixed',
  'needs-task',
  'too-long',
  'may-vary',
  'destroys-but-reads',
  'no-hints',
] as const;

/** One kind of suspicion. */
export type SuspicionKind = (typeof suspicions)[number];

/** What is suspicious, and why in words; text from outside in it is revealed and short. */
export interface Suspicion {
  kind: SuspicionKind;
  why: string;
}

/** What a tool does as three sources see it, and as we read them: the most careful of all. */
export interface Reading {
  /** What the server claims: `both` where it claims two things at once, undefined where it claims nothing. */
  hints: ToolClass | 'both' | undefined;
  name: ToolClass | undefined;
  /** By the values that a caller can choose from. */
  schema: ToolClass | undefined;
  ours: ToolClass;
}

/** Reads what a tool does. */
export function readingOf(name: string, tool: OfferedTool, { hints, router }: ToolFacts): Reading {
  const { readOnlyHint: reads, destructiveHint: destroys } = hints;
  const claimed: Reading['hints'] =
    reads === true && destroys === true
      ? 'both'
      : destroys === true
        ? 'destructive'
        : reads === true
          ? 'read'
          : reads === false || destroys === false
            ? 'write'
            : undefined;
  const named = classInName(name);
  const inSchema = classInSchema(tool.inputSchema)?.class;
  const said = [claimed === 'both' ? ('destructive' as const) : claimed, named, inSchema].filter(
    (each) => each !== undefined,
  );
  const least: ToolClass =
    said.length === 0 ? 'write' : said.reduce<ToolClass>((one, other) => wider(one, other), 'read');
  // What reads by its name alone has not said so: nobody claims it.
  const careful = claimed === undefined ? wider(least, 'write') : least;
  return { hints: claimed, name: named, schema: inSchema, ours: router === undefined ? careful : 'destructive' };
}

/** Whether everything that is known of a tool says that it reads, and nothing is suspicious. */
export function readsByAllAccounts({ hints, name, schema, ours }: Reading, suspicious: readonly Suspicion[]): boolean {
  return (
    suspicious.length === 0 && hints === 'read' && name === 'read' && ours === 'read' && (schema ?? 'read') === 'read'
  );
}

/** What is suspicious of a tool, the worst first. */
export type Suspect = (name: string, tool: OfferedTool, facts: ToolFacts) => Suspicion[];

/**
 * Looks at the tools of a list. What several of them say is looked at once: schemas repeat themselves. `now` is the day that
 * a description may be of.
 */
export function suspecting(now: Date): Suspect {
  const leads = remembering(leading, leadingWord, unwrapped);
  const variesNow = remembering(varies(now), varyingWord);
  return (name, tool, facts) => suspicionsOf({ name, tool, facts, leads, varies: variesNow });
}

interface Looked {
  name: string;
  tool: OfferedTool;
  facts: ToolFacts;
  leads: (text: string) => string | undefined;
  varies: (text: string) => string | undefined;
}

function suspicionsOf({ name, tool, facts, leads, varies: variesNow }: Looked): Suspicion[] {
  const found: Suspicion[] = [];
  const say = (kind: SuspicionKind, why: string) => void found.push({ kind, why });
  const reading = readingOf(name, tool, facts);
  const chosen = classInSchema(tool.inputSchema);
  if (facts.router !== undefined) say('router', `${routers[facts.router]}: its name bounds nothing`);
  const texts = textsOf(tool);
  const led = firstOf(texts, leads);
  if (led !== undefined) say('instructs', `it tells the model what to do: "${led}"`);
  const unseen = texts.find((text) => hasUnseen(text));
  if (unseen !== undefined) say('hidden', 'it holds characters that cannot be seen');
  if (reading.hints === 'both') say('both-hints', 'it claims to read only and to destroy');
  const claimsToRead = facts.hints.readOnlyHint === true;
  if (claimsToRead && reading.name !== undefined && reading.name !== 'read') {
    say('reads-but-changes', `it claims to read only, and its name says ${reading.name}`);
  }
  if (chosen !== undefined && chosen.class !== 'read') {
    const choice = `${revealed(chosen.parameter)} can be "${revealed(chosen.value)}"`;
    if (claimsToRead) say('reads-but-changes', `it claims to read only, and ${choice}`);
    else if (chosen.class === 'destructive' && reading.hints !== 'destructive') say('mixed', choice);
    else if (reading.name === 'read') say('mixed', choice);
  }
  if (facts.needsTask === true)
    say('needs-task', 'it can only be called as a task, which no agent here does: it is off');
  if (facts.characters !== undefined) {
    say('too-long', `${facts.characters} characters of it are known by their digest alone`);
  }
  const varying = firstOf(texts, variesNow);
  if (varying !== undefined) say('may-vary', `it holds what may be another at each start: "${varying}"`);
  if (reading.hints === 'destructive' && reading.name === 'read' && (chosen?.class ?? 'read') === 'read') {
    say('destroys-but-reads', 'it claims to destroy, and its name says read');
  }
  if (reading.hints === undefined) say('no-hints', 'it does not say whether it reads or writes');
  return found.sort((one, other) => suspicions.indexOf(one.kind) - suspicions.indexOf(other.kind));
}

/** Every text of a tool that a model may read: its own, and those of its schemas. */
function textsOf({ title, description, inputSchema, outputSchema, annotations, meta }: OfferedTool): string[] {
  const texts: string[] = [];
  const collect = (value: unknown): void => {
    if (typeof value === 'string') texts.push(value);
    else if (Array.isArray(value)) for (const each of value) collect(each);
    else if (typeof value === 'object' && value !== null) {
      for (const [key, each] of Object.entries(value)) {
        if (hasUnseen(key)) texts.push(key);
        collect(each);
      }
    }
  };
  for (const value of [title, description, inputSchema, outputSchema, annotations, meta]) collect(value);
  return texts;
}

const unseenCharacter = /[\p{Cf}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}\u2800]|[\p{Cc}](?<![\t\n\r])/u;

/** Joiners inside an emoji, and the sign that has a character shown as one, belong to what is seen. */
function hasUnseen(text: string): boolean {
  if (!unseenCharacter.test(text)) return false;
  return unseenCharacter.test(
    text
      .replace(
        /\p{Extended_Pictographic}(?:\ufe0f|\u200d|[\u{1f3fb}-\u{1f3ff}]|\p{Extended_Pictographic})*|[0-9#*]\ufe0f?\u20e3|[\u2190-\u2bff\u3030\u303d]\ufe0f/gu,
        '',
      )
      .replace(/^\ufeff/, ''),
  );
}

/** What starts a line of its own: an item of a list, a heading, a quote, a row of a table, a fence. */
const ownLine = /^(?:[-*+•–—] |\d{1,3}[.)] |[#>|]|```)/;

/** A text as it reads however it was wrapped: one line for each paragraph and item, with one blank between two words. */
function unwrapped(text: string): string {
  if (!/[^\S ]| {2}/.test(text)) return text;
  const paragraphs: string[] = [];
  let isOpen = false;
  for (const each of text.split(/\r\n?|[\n\v\f\u0085\u2028\u2029]/)) {
    const line = each.replace(/\s+/g, ' ').trim();
    if (isOpen && line !== '' && !ownLine.test(line)) paragraphs.push(`${paragraphs.pop()} ${line}`);
    else if (line !== '') paragraphs.push(line);
    isOpen = line !== '';
  }
  return paragraphs.join('\n');
}

/** Words that lead a model to do more than what it was asked for. */
const leading: readonly RegExp[] = [
  /\b(you|the (model|assistant|agent|ai)|claude)\s+(must|should|have to|shall)\s+(always\s+|first\s+|never\s+|not\s+)*(call|invoke|tell|mention|use (this|the) [^.\n]{0,30}tool)\b[^.\n]{0,60}/i,
  /\b(must|always|have to)\s+(always\s+|first\s+)*(be called|call|invoke|run|use) (this|the|it|that|[a-z]+_[a-z_]+)[^.\n]{0,50}\b(first|before|prior|always|every|each)\b[^.\n]{0,30}/i,
  /\b(MUST|ALWAYS|NEVER) (ALWAYS |FIRST |NOT )?(CALL|USE|INVOKE|RUN|call|invoke|run) [^.\n]{0,60}/,
  /\bMUST (NOT|NEVER) (USE|use|SUGGEST|suggest)\b[^.\n]{0,60}/,
  /\b(you|the (model|assistant|agent|ai)|claude) (need|ought|(is|are) (required|expected|instructed|obliged)) to (always |first )*(call|invoke|run|tell|mention)\b[^.\n]{0,60}/i,
  // Before others, whatever is asked for.
  /\b(prefer|favou?r|choose|pick|use|select|precedence|priority)\b[^.\n]{0,30}\b(over|above|instead of|rather than) (all|any|every|each)( of the)?( others?| tools?)+\b[^.\n]{0,30}/i,
  // Though nobody asks for it.
  /\b(call|invoke|run|use)\b[^.\n]{0,40}\b(proactively|unprompted|unasked|without being asked|even (if|when|though) (the user|nobody|no one))\b[^.\n]{0,40}/i,
  // Again and again, whatever is asked for.
  /\b(call|invoke|run|use)\b[^.\n]{0,60}\b(at the (start|beginning|end) of|after|before) (every|each|any) (conversation|session|chat|turn|task|reply|answer|response)\b[^.\n]{0,30}/i,
  /\b(at the (start|beginning|end) of|after|before) (every|each|any) (conversation|session|chat|turn|task|reply|answer|response)\b[^.\n]{0,20}\b(call|invoke|run|use)\b[^.\n]{0,40}/i,
  /\b(call|use|invoke|run) this (tool )?(first|before (any|every|each|using|calling|doing|all))\b[^.\n]{0,50}/i,
  /\b(do not|don'?t|never|without)\s+(ever\s+)?(tell|telling|inform|informing|mention|mentioning|reveal|revealing|disclose|notify|notifying|show|showing|asking|ask)\b[^.\n]{0,20}\b(user|users|human|humans|person|anyone|anybody|them|this|permission|confirmation)\b[^.\n]{0,30}/i,
  /\b(do not|don'?t|never)\s+(ever\s+)?let\s[^.\n]{0,20}\b(user|users|human|humans|person|anyone|anybody|them)\s+(know|see|notice|learn|find)\b[^.\n]{0,30}/i,
  /\b(keep|hide|conceal|withhold)\b[^.\n]{0,30}\bfrom (the |any |all |your )?(user|users|human|humans|person|people|anyone|anybody)\b[^.\n]{0,30}/i,
  /\b(ignore|disregard|forget|override)\s+(all\s+|any\s+|the\s+)?(previous|prior|above|earlier|other|system)\s+(instructions?|prompts?|rules?|messages?|tools?|guidelines)\b[^.\n]{0,30}/i,
  /<\/?\s*(important|system|instructions?|secret|hidden|admin|assistant)\s*>/i,
  /\b(system prompt|as an ai|you are (now )?(a|an|the)\s+(helpful|assistant|expert|agent))\b[^.\n]{0,40}/i,
  /\b(silently|secretly|quietly|in the background)\b[^.\n]{0,15}\b(send|forward|copy|upload|call|include|read)\b[^.\n]{0,40}/i,
  /\b(send|forward|copy|include|attach|pass)\b[^.\n]{0,40}\b(conversation|chat history|chat log|system prompt|credentials?|api keys?|passwords?|tokens? of)\b[^.\n]{0,40}/i,
  /\b(everything|anything|all|whatever)( that)? the (user|human|person)( has| have)? (said|wrote|written|typed|told)\b[^.\n]{0,40}/i,
  /\b(contents? of|read|open|include|attach|send|copy|pass)\b[^.\n]{0,40}(\.ssh\b|\bid_(rsa|ed25519)\b|\.aws\/credentials|\/etc\/(passwd|shadow)|\.env\b|\.netrc\b)[^.\n]{0,30}/i,
];

/** What introduces an example, which stays what it is. */
const example = /(e\.?g\.?|example|examples|such as|like|format|i\.?e\.?|sample|default|"|'|`)[:,\s("'`]*$/i;

/** Values that belong to the moment, or the machine, at which a list was made. */
function varies(now: Date): readonly ((text: string) => string | undefined)[] {
  const near = 2 * 86_400_000;
  return [
    (text) => {
      for (const { 0: date, index } of text.matchAll(
        /\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:\.\d+)?Z?)?/g,
      )) {
        if (Math.abs(Date.parse(date.slice(0, 10)) - now.getTime()) <= near) return date;
        if (
          /\b(now|today|current(ly)?( date| time)?|as of|generated|updated|started|server time)\b[^.\n]{0,20}$/i.test(
            text.slice(Math.max(0, index - 50), index),
          )
        )
          return date;
      }
      return undefined;
    },
    notAnExample(
      /(?<![\w/.:@<{])\/(?:home|Users|root|tmp|var\/(?:tmp|folders|lib|run)|private|mnt|workspace|srv)\/[^\s"'`)<>,]+/g,
    ),
    notAnExample(/\b[A-Z]:\\[^\s"'`)<>,]+/g),
    notAnExample(/\b(?:localhost|127\.0\.0\.1|0\.0\.0\.0|10\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+)(?::\d+)?\b/g),
    notAnExample(/\b[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\.(?:local|internal|lan|corp|intranet)\b(?::\d+)?/g),
    notAnExample(/\b(?:pid|port|session|instance|process|build)(?: id)?[ :=#]+\d{3,}\b/gi),
    notAnExample(
      /\b(?:loaded|fetched|retrieved|read|taken|synced|downloaded) from (?:https?:\/\/|the (?:server|remote|web|api))[^\s)"']*/gi,
    ),
    notAnExample(
      /\b(?:follow|see|read|fetch|obey)\b[^.\n]{0,25}\b(?:instructions|rules|prompt|guidelines) (?:at|from|in|on) https?:\/\/\S+/gi,
    ),
  ];
}

function notAnExample(pattern: RegExp): (text: string) => string | undefined {
  return (text) => {
    for (const { 0: found, index } of text.matchAll(pattern)) {
      if (!example.test(text.slice(Math.max(0, index - 14), index))) return found;
    }
    return undefined;
  };
}

const longestShown = 90;
/** In no shorter text is there room for any of it. */
const shortestText = 8;

/** Without one of these words no rule below holds: most texts have none. */
const leadingWord =
  /must|always|never|should|have to|shall|first|before|do not|don'?t|without|ignore|disregard|forget|override|<|system|you are|as an ai|silently|secretly|quietly|background|conversation|chat|credential|api key|password|tokens? of|proactively|unprompted|unasked|being asked|even (?:if|when|though)|need to|ought to|(?:is|are) (?:required|expected|instructed|obliged) to|(?:over|above|instead of|rather than) (?:all|any|every|each)|(?:start|beginning|end) of|after (?:every|each|any)|\bfrom (?:the |any |all |your )?(?:user|human|person|people|any)|the (?:user|human|person)|\.ssh|id_(?:rsa|ed25519)|\.aws|\/etc\/|\.env|\.netrc/i;
const varyingWord =
  /\d{4}-\d\d-|\/(?:home|Users|root|tmp|var|private|mnt|workspace|srv)\/|:\\|localhost|\d\.\d+\.\d+\.\d|\.(?:local|internal|lan|corp|intranet)|(?:pid|port|session|instance|process|build|id)[ :=#]+\d{3}| from |instructions|rules|prompt|guidelines/i;

function remembering(
  rules: readonly (RegExp | ((text: string) => string | undefined))[],
  needed: RegExp,
  reads: (text: string) => string = (text) => text,
): (text: string) => string | undefined {
  const known = new Map<string, string | undefined>();
  const look = (as: string) => {
    const text = reads(as);
    if (!needed.test(text)) return undefined;
    for (const rule of rules) {
      const found = rule instanceof RegExp ? rule.exec(text)?.[0] : rule(text);
      if (found !== undefined) return revealed(found.replace(/\s+/g, ' ').trim().slice(0, longestShown));
    }
    return undefined;
  };
  return (text) => {
    if (text.length < shortestText) return undefined;
    if (!known.has(text)) known.set(text, look(text));
    return known.get(text);
  };
}

function firstOf(texts: Iterable<string>, look: (text: string) => string | undefined): string | undefined {
  for (const text of texts) {
    const found = look(text);
    if (found !== undefined) return found;
  }
  return undefined;
}
