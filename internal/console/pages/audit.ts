/** The record: one's own acts, for auditors everybody's; whether it is whole, and a copy of it. */
import { html } from 'hono/html';
import { AppError } from '../../errors/app-error.ts';
import { type Markup, named, sentence, shown } from '../../markup/document.ts';
import { introduction, noticeOf } from './layout.ts';
import { filtersOf, stateOf, textField, timeOf } from './lists.ts';
import type { Asked, PageRoute, RequestOf, ResultOf } from './page.ts';

type Act = ResultOf<'showOwnRecord'>['acts'][number];

const actsPerPage = 50;

/** What a page can be narrowed to: the words of `audit show`. */
const filters = [
  ['act', 'Act'],
  ['agent', 'Agent'],
  ['session', 'Session'],
  ['service', 'Service'],
  ['tool', 'Tool'],
] as const;

/** The rows of these pages. */
export const auditPages: readonly PageRoute[] = [
  {
    method: 'GET',
    path: '/audit',
    audience: ['user', 'auditor'],
    inNavigation: 'Audit',
    async answer(asked) {
      const { roles, query, perform, buttons } = asked;
      const all = roles.has('auditor') && (query.get('whose') === 'all' || !roles.has('user'));
      const wanted = wantedIn(query);
      // One more than is shown: then there is an older one.
      const request = { ...wanted, last: actsPerPage + 1 };
      const subject = query.get('subject')?.trim();
      const { acts, faults } = all
        ? (await perform('showRecord', { ...request, ...(subject && { subject }) })).result
        : { ...(await perform('showOwnRecord', request)).result, faults: 0 };
      const narrowed = ['subject', 'since', ...filters.map(([name]) => name)].some((name) => query.get(name));
      const latest = acts.slice(-actsPerPage).reverse();
      const older = acts.length > actsPerPage ? boundaryOf(acts) : undefined;
      const next = new URLSearchParams(query);
      if (older !== undefined) next.set('before', older);
      return {
        title: 'Audit',
        body: html`${introduction(
          'Audit',
          all ? 'What everybody did, the latest first.' : 'What was done in your name, the latest first.',
          roles.has('auditor')
            ? html`${buttons.form('/audit/verify', {}, html`<button>Verify</button>`)}<a class="button" href="/audit/export?format=jsonl">Download all</a>`
            : '',
        )}
${roles.has('auditor') && roles.has('user') ? html`<p class="pager">${all ? html`<a class="button" href="/audit">Only mine</a>` : html`<a class="button" href="/audit?whose=all">Everybody’s</a>`}</p>` : ''}
${faults > 0 ? noticeOf({ look: 'bad', title: 'The record is not as it was written', lines: ['Verify says where.'] }) : ''}
<details class="narrow-down"${narrowed ? html` open` : ''}><summary>Narrow it down</summary>${filtersOf('/audit', [
          all && roles.has('user') ? html`<input type="hidden" name="whose" value="all">` : '',
          ...(all ? [textField('Subject', 'subject', subject)] : []),
          ...filters.map(([name, words]) => textField(words, name, query.get(name))),
          html`<label>Since<input type="date" name="since" value="${shown(query.get('since') ?? '')}"></label>`,
        ])}</details>
${latest.length === 0 ? html`<p role="status">Nothing of that is in the record.</p>` : html`<ol class="rows">${latest.map((act) => actRow(act, all))}</ol>`}
${older === undefined ? '' : html`<nav class="pager" aria-label="Pages of this list"><a class="button" href="/audit?${next.toString()}">Older</a></nav>`}`,
      };
    },
  },
  {
    method: 'POST',
    path: '/audit/verify',
    audience: ['auditor'],
    changesNothing: true,
    async answer({ perform }) {
      const { result } = await perform('verifyRecord', { keys: [], checkpoints: [] });
      const { lines, head, findings, unknown } = result;
      const faults = findings.filter(({ severity }) => severity === 'fault');
      const words = findings
        .slice(0, 100)
        .map(({ file, line, what }) => `${file}${line === 0 ? '' : `:${line}`}: ${what}`);
      return {
        title: 'Record verified',
        body: html`${introduction('Record verified', 'Keep the last line elsewhere: whoever changes the record later cannot change that.')}
${noticeOf(
  faults.length === 0
    ? { look: 'ok', title: `${lines} lines, all as they were written`, lines: words }
    : { look: 'bad', title: `${faults.length} things are not as they were written`, lines: words },
)}
${head === null ? '' : html`<pre tabindex="0" aria-label="The last line">${shown(head.log)} ${head.count} ${shown(head.hash)}</pre>`}
${unknown.length === 0 ? '' : html`<h2 class="group">What nobody can know from this</h2><ul class="rows">${unknown.map((each) => html`<li>${sentence(each)}</li>`)}</ul>`}
<p><a class="button" href="/audit">Back to the record</a></p>`,
      };
    },
  },
  {
    method: 'GET',
    path: '/audit/export',
    audience: ['auditor'],
    async answer(asked) {
      const said = asked.query.get('format');
      const format = said === 'ocsf' || said === 'cef' ? said : 'jsonl';
      return { raw: await copied(asked, format) };
    },
  },
];

/**
 * Before when the acts are that come after a page: what is of the very time of the first that is not shown has to be among
 * them, even where one of that time is then shown twice.
 */
function boundaryOf([next, ...shown]: readonly Act[]): string | undefined {
  return shown.find(({ at }) => next !== undefined && at > next.at)?.at ?? next?.at;
}

function wantedIn(query: URLSearchParams): Omit<RequestOf<'showOwnRecord'>, 'last'> {
  const said = filters.flatMap(([name]) => {
    const value = query.get(name)?.trim() ?? '';
    return value === '' ? [] : [[name, value] as const];
  });
  const day = query.get('since') ?? '';
  const before = query.get('before') ?? '';
  return {
    ...Object.fromEntries(said),
    ...(/^\d{4}-\d\d-\d\d$/.test(day) && { since: `${day}T00:00:00.000Z` }),
    ...(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(before) && { before }),
  };
}

/** The copy as it comes. A download that is left ends it; one that could not be finished breaks off, and says nothing else. */
async function copied({ begin }: Asked, format: 'jsonl' | 'ocsf' | 'cef'): Promise<Response> {
  const { run } = await begin('copyRecord', { format });
  const lines = run.lines[Symbol.asyncIterator]();
  const text = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      for (;;) {
        const { value: line, done } = await lines.next();
        if (done === true || line.kind === 'end') return controller.close();
        if (line.kind === 'error') return controller.error(new AppError(line.error.code, line.error.message));
        if (line.kind === 'stream') return controller.enqueue(text.encode(line.text));
      }
    },
    cancel: () => run.interrupt(),
  });
  const ending = format === 'cef' ? 'txt' : 'jsonl';
  return new Response(body, {
    headers: {
      'content-type': format === 'cef' ? 'text/plain; charset=utf-8' : 'application/x-ndjson',
      'content-disposition': `attachment; filename="record-${format}.${ending}"`,
    },
  });
}

function actRow(
  { at, act, actor, agent, session, target, call, given, rule, outcome, error }: Act,
  all: boolean,
): Markup {
  const who =
    'subject' in actor ? `${actor.label}` : actor.kind === 'key_holder' ? 'whoever holds the key' : 'nobody proven';
  const look = outcome === null ? 'plain' : outcome === 'success' ? 'ok' : 'warn';
  // An answer that was given has no outcome: what came of it are acts of their own.
  const ended = given !== null ? given.answer : (outcome ?? 'no outcome known');
  const what = target.label === '' ? target.id : target.label;
  const about = [
    what === session ? null : what,
    agent === null ? null : `agent ${agent.name ?? agent.id}`,
    session === null ? null : `session ${session}`,
    call === null ? null : `${call.service}/${call.tool}`,
    given === null ? null : `as ${given.as}`,
  ].filter((each) => each !== null);
  return html`<li><div class="head"><code>${shown(act)}</code>${stateOf(look, shown(ended))}<time class="soft" datetime="${shown(at)}">${timeOf(at)}</time></div>
<p>${all ? html`${named(who)}${'subject' in actor ? html` <small><code>${named(actor.subject)}</code></small>` : ''}: ` : ''}${about.map((each, index) => html`${index === 0 ? '' : ', '}${named(each)}`)}</p>${
    rule === null && error === null
      ? ''
      : html`<p>${sentence([rule, error].filter((each) => each !== null).join('; '))}</p>`
  }</li>`;
}
