/**
 * Tools behind which other tools are: a verdict by their name bounds nothing, since what they do stands in what they are
 * called with. Known by their shape alone, whatever they say of themselves. Pure.
 */
import { canonicalJson, sha256 } from '../text/canonical.ts';
import { isRecord } from '../text/record.ts';
import { alternatives, spelledOut } from './spelled-out.ts';
import { classInName, wordsOf } from './tool-words.ts';

/** By what a router is known. */
export const routers = {
  command: 'it takes a free command and its parameters',
  request: 'it takes a free address and how to ask there',
  batch: 'it takes requests, each of which can be any',
  code: 'it takes free code',
  pair: 'it carries out what another tool of the list finds',
  'same-schema': 'it takes free words, as other tools with one and the same schema do',
} as const;

/** By what a tool is known as a router. */
export type Router = keyof typeof routers;

const commandName =
  /^(command|cmd|operation|operation_?(id|name)|action|action_?(id|name|slug)|tool|tool_?(id|name|slug)|function|function_?name|endpoint|api|api_?name|procedure|rpc|subcommand|capability|intent)$/i;
const parametersName =
  /^(params?|parameters|args|arguments|inputs?|payload|body|data|options|variables|(params|args|input|arguments|parameters)_?json|(tool|action|operation|function|command)_?(args|arguments|inputs?|params|parameters))$/i;
const addressName = /^(url|uri|path|endpoint|route|resource_?path|api_?path)$/i;
const requestsName = /^(requests?|calls|operations|batch|steps|(sub|batch)_?requests)(_json)?$/i;
const bodyName = /^(body|payload|data|content|input|params|parameters|requests?|batch)$/i;
/** Verbs of a batch that say nothing of what is done in it. */
const anyVerb = /^(execute|run|send|perform|call|invoke|request|requests|submit|post|dispatch|process|make|use)$/;
const codeName =
  /^(script|sql|graphql|javascript|python|shell|bash|source_?code|sql_?(query|statement)|kql|expression_?code)$/i;
/** A code may be a discount's or a country's, a statement a bank's: beside something that speaks of running it, it is code. */
const perhapsCodeName = /^(code|statement)$/i;
const besideCode = /^(language|lang|runtime|interpreter|timeout(_?(ms|seconds))?|packages|dependencies)$/i;
const runsCode =
  /^(run|runs|execute|executes|exec|eval|evaluate|interpret|script|code|sandbox|python|javascript|sql|query|repl)$/;
const wordsName = /^(command|operation|action|intent|instructions?|prompt|task|request|question|goal)$/i;
const finds = ['search', 'find', 'list', 'discover', 'describe', 'get', 'learn', 'lookup', 'explore'];
const thingsFound = /^(tools?|operations?|actions?|endpoints?|commands?|capabilit(y|ies)|apis?|functions?|catalog)$/;
const carriesOut = 'execute exec call invoke run perform dispatch use trigger carry do fire launch submit'.split(' ');
/** As many tools with one schema are no coincidence. */
const fewestAlike = 4;

/** Watches the tools of one list go by, and says which of them are routers. */
export function routersAmong() {
  const found = new Map<string, Router>();
  const executors: string[] = [];
  const alike = new Map<string, string[]>();
  let someFinds = false;
  return {
    see(name: string, tool: Readonly<Record<string, unknown>>): void {
      const properties = propertiesOf(spelledOut(tool['inputSchema']));
      const words = wordsOf(name);
      const alone = routerAlone(words, properties);
      if (alone !== undefined) found.set(name, alone);
      if (words.some((word) => finds.includes(word)) && words.some((word) => thingsFound.test(word))) someFinds = true;
      const entries = Object.entries(properties);
      const namesOne = entries.some(([key, value]) => commandName.test(key) && isFreeText(value));
      if (words.some((word) => carriesOut.includes(word)) && namesOne) executors.push(name);
      if (entries.some(([key, value]) => wordsName.test(key) && isFreeText(value))) {
        const shape = sha256(canonicalJson(shapeOf(properties)));
        alike.set(shape, [...(alike.get(shape) ?? []), name]);
      }
    },
    found(): ReadonlyMap<string, Router> {
      if (someFinds) for (const name of executors) if (!found.has(name)) found.set(name, 'pair');
      for (const names of alike.values()) {
        if (names.length < fewestAlike) continue;
        for (const name of names) if (!found.has(name)) found.set(name, 'same-schema');
      }
      return found;
    },
  };
}

function routerAlone(
  words: readonly string[],
  properties: Properties,
  { depth, areRequests, isWritten }: Around = { depth: 0, areRequests: false, isWritten: false },
): Router | undefined {
  const entries = Object.entries(properties);
  const some = (pattern: RegExp, holds: (value: unknown) => boolean) =>
    entries.some(([key, value]) => pattern.test(key) && holds(value));
  if (some(commandName, isFreeText) && some(parametersName, isOpen)) return 'command';
  if (some(codeName, isFreeText)) return 'code';
  const isRun = words.some((word) => runsCode.test(word)) || some(besideCode, () => true);
  if (isRun && some(perhapsCodeName, isFreeText)) return 'code';
  // What has a name and a description, or stands described in a list, is written down and not asked; so is what it holds.
  const isTold = isWritten || (some(/^description$/i, isText) && (depth > 0 || some(/^(name|title)$/i, isText)));
  const query = some(/^(query|mutation|q)$/i, isFreeText);
  if (query && !isWritten && some(/^variables(_?json)?$/i, isOpen)) return 'code';
  if (query && words.some((word) => /^(graphql|sql|eval|raw|kql)$/.test(word))) return 'code';
  const shell = words.some((word) => /^(shell|bash|terminal|exec|cmd)$/.test(word));
  if (shell && some(/^(command|cmd|input|args)$/i, isFreeText)) return 'code';
  const isAsked = some(/^(method|http_?method|verb)$/i, isText) && some(addressName, isFreeText);
  if (isAsked && (areRequests || !isTold)) return 'request';
  if (some(requestsName, isListOfAnything)) return 'batch';
  // A body of any shape is bound by what stands beside it, and by what the name says is done; here nothing is.
  const boundToOne = some(/(^id|_id|Id|_?key)$/, () => true);
  if (namesOnlyBatch(words) && !boundToOne && some(bodyName, isOpenObject)) return 'batch';
  if (depth === deepest) return undefined;
  // One such request inside a body, or several in one call.
  for (const [key, value] of entries) {
    for (const one of alternatives(value)) {
      const single = routerInside(one, { depth, areRequests: false, isWritten: isTold });
      if (single !== undefined) return single;
      const each = routerInside(one['items'], { depth, areRequests: requestsName.test(key), isWritten: isTold });
      if (each !== undefined) return each === 'request' && requestsName.test(key) ? 'batch' : each;
    }
  }
  return undefined;
}

/** Where properties stand: how deep, in a list of requests, in what is written down. */
interface Around {
  depth: number;
  areRequests: boolean;
  isWritten: boolean;
}

function routerInside(schema: unknown, around: Around): Router | undefined {
  const nested = propertiesOf(schema);
  return Object.keys(nested).length === 0 ? undefined : routerAlone([], nested, { ...around, depth: around.depth + 1 });
}

function namesOnlyBatch(words: readonly string[]): boolean {
  return words.includes('batch') && words.every((word) => classInName(word) === undefined || anyVerb.test(word));
}

const deepest = 2;

type Properties = Readonly<Record<string, unknown>>;

function propertiesOf(schema: unknown): Properties {
  const properties = isRecord(schema) ? schema['properties'] : undefined;
  return isRecord(properties) ? properties : {};
}

/** The same for schemas that differ in words alone. */
function shapeOf(properties: Properties): unknown {
  return Object.entries(properties).map(([key, value]) => [key, isRecord(value) ? (value['type'] ?? null) : null]);
}

function typesOf({ type }: Readonly<Record<string, unknown>>): unknown[] {
  return Array.isArray(type) ? type : type === undefined ? [] : [type];
}

function isText(value: unknown): boolean {
  return alternatives(value).some((one) => typesOf(one).includes('string'));
}

/** Text in which anything can stand. */
function isFreeText(value: unknown): boolean {
  return alternatives(value).some(
    (one) => typesOf(one).includes('string') && !Array.isArray(one['enum']) && one['const'] === undefined,
  );
}

/** A list of objects in which anything can stand. */
function isListOfAnything(value: unknown): boolean {
  return alternatives(value).some((one) => typesOf(one).includes('array') && isOpenObject(one['items']));
}

/** An object that says nothing of its members; what a schema refers to and nobody can read may say it. */
function isOpenObject(value: unknown): boolean {
  return alternatives(value).some(
    (one) => !('$ref' in one) && typesOf(one).includes('object') && Object.keys(propertiesOf(one)).length === 0,
  );
}

/** Something in which anything can stand: an object without members of its own, a list, or text. */
function isOpen(value: unknown): boolean {
  if (!isRecord(value)) return value === true;
  return alternatives(value).some((one) => {
    const types = typesOf(one);
    if (types.includes('object'))
      return Object.keys(propertiesOf(one)).length === 0 || one['additionalProperties'] === true;
    return types.length === 0 || types.includes('array') || isFreeText(one);
  });
}
