/** What a tool does by the words that it is called with: its name, and the values that it lets a caller choose. Pure. */
import type { Catalogue } from '../config/definitions.ts';
import { isRecord } from '../text/record.ts';
import { alternatives, namedValues, spelledOut } from './spelled-out.ts';

/** What a tool does. */
export type ToolClass = keyof Catalogue;

/** What a verb does. A word that is in none says nothing. */
const verbs: Readonly<Record<ToolClass, readonly string[]>> = {
  read: words(`get list search find fetch read describe show count query lookup view check validate preview explain inspect
    browse download resolve compare verify diff whoami help status scan discover suggest retrieve select test ping health
    analyze analyse summarize estimate lint watch peek stat info lookup locate convert calculate my plan`),
  write:
    words(`create add update set send post put patch write edit modify move rename copy duplicate upload import publish
    submit comment reply assign invite enable start restart run execute trigger connect attach subscribe merge
    approve unapprove lock unlock play fork schedule transfer promote register configure install apply sync activate
    mark share save insert append change manage toggle build deploy generate open accept decline forward snooze dismiss
    restore renew buy purchase order pay book link allow grant join follow star vote react login logout authorize call
    invoke perform dispatch replace bulk sort format upsert push finalize use make new provision clone commit rotate
    protect unmerge tag untag pin unpin hide archive unarchive resolve request ingest switch rebuild setup`),
  destructive:
    words(`delete remove drop destroy purge erase wipe revoke cancel reset uninstall terminate kill clear truncate
    overwrite unpublish ban block disable detach stop unlink unprotect reject reinstall prune evict flush abort shutdown
    unsubscribe undo leave rollback recreate expire deactivate discard empty`),
};

const classOf = new Map<string, ToolClass>(
  // What stands in several lists is of the first: `resolve` looks something up more often than it ends something.
  (['read', 'write', 'destructive'] as const)
    .toReversed()
    .flatMap((kind) => verbs[kind].map((verb) => [verb, kind] as const)),
);

/** What joins a second verb to the first: `get_or_create`. */
const joins = ['or', 'and', 'then'];
const rank: Readonly<Record<ToolClass, number>> = { read: 0, write: 1, destructive: 2 };

function words(text: string): string[] {
  return text.split(/\s+/);
}

/** The words of a name, in lower case, wherever one begins: at `_`, `-`, `.`, `/`, `:`, or at a capital letter. */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '')
    .map((word) => word.toLowerCase());
}

/** What a name says the tool does; undefined where it says nothing. The first verb decides, and one that is joined to it. */
export function classInName(name: string): ToolClass | undefined {
  const all = wordsOf(name);
  let found: ToolClass | undefined;
  for (const [index, word] of all.entries()) {
    const kind = classOf.get(word);
    if (kind === undefined) continue;
    if (found === undefined || joins.includes(all[index - 1] ?? '')) found = wider(found, kind);
  }
  return found;
}

const actParameter = /^(action|operation|op|command|cmd|method|verb|act)s?$|_(action|operation|command|method)$/i;

/** The most that any of the values does that a caller can choose from, where some of them are verbs; with that value. */
export function classInSchema(schema: unknown): { class: ToolClass; parameter: string; value: string } | undefined {
  let found: ReturnType<typeof classInSchema>;
  for (const [parameter, value] of actsIn(spelledOut(schema))) {
    for (const each of alternatives(value).flatMap((one) => namedValues(one) ?? [])) {
      if (typeof each !== 'string') continue;
      const kind = classOfValue(each);
      if (kind === undefined || (found !== undefined && rank[kind] <= rank[found.class])) continue;
      found = { class: kind, parameter, value: each };
    }
  }
  return found;
}

/** What is sorted, filtered or shown by is chosen from words too: only what names an act counts. */
function actsIn(schema: unknown): [parameter: string, schema: unknown][] {
  const properties = isRecord(schema) && isRecord(schema['properties']) ? Object.entries(schema['properties']) : [];
  const [only] = properties;
  // The one argument of a function: what it holds is what there is to choose.
  if (only !== undefined && properties.length === 1 && isRecord(only[1]) && isRecord(only[1]['properties']))
    return actsIn(only[1]);
  return properties.filter(([parameter]) => actParameter.test(parameter));
}

/** A value begins with its verb, or is one; what `build_failed` or `approval_required` says is a state. */
function classOfValue(value: string): ToolClass | undefined {
  const all = wordsOf(value);
  return all.length > 1 && all.at(-1)?.endsWith('ed') === true ? undefined : classOf.get(all[0] ?? '');
}

/** The more careful of two classes. */
export function wider(one: ToolClass | undefined, other: ToolClass): ToolClass {
  return one === undefined || rank[other] > rank[one] ? other : one;
}
