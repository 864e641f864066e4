/** People, for operators: who has something here, what of it is connected and running, and its end, with the evidence. */
import { html } from 'hono/html';
import { clock } from '../../clock/clock.ts';
import { factsOf, type Markup, named, sentence, shown } from '../../markup/document.ts';
import type { Lately } from './lately.ts';
import { introduction, noticeOf } from './layout.ts';
import { filtersOf, numberIn, pagerOf, stateOf, textField, tickField, timeOf } from './lists.ts';
import type { Asked, PageAnswer, PageRoute, RequestOf, ResultOf } from './page.ts';

type Person = ResultOf<'listPeople'>['people'][number];
type Result = ResultOf<'offboardPerson'>;
type Plan = Extract<Result, { sessions: unknown }>;
type Done = Extract<Result, { change: 'offboarded' }>;
type Who = Pick<RequestOf<'offboardPerson'>, 'subject' | 'issuer' | 'kind'>;

/** The rows of these pages. */
export const peoplePages: readonly PageRoute[] = [
  {
    method: 'GET',
    path: '/people',
    audience: ['operator'],
    inNavigation: 'People',
    async answer(asked) {
      const { lately, configuration, query } = asked;
      const find = query.get('find')?.trim() ?? '';
      const known = query.has('now') ? undefined : lately.people.get(wantedOf(asked).id, configuration);
      const shownNow = known ?? (await peopleNow(asked));
      const isLate = clock.now().getTime() - shownNow.at.getTime() > lateMs;
      return {
        title: 'People',
        body: html`${introduction('People', 'Everybody whom a vault names. The name beside a subject is what their sign-in said once: it proves nothing.')}
${filtersOf('/people', [textField('Name, subject or issuer', 'find', find, 'search')], 'Find')}
<div${isLate ? html` data-late="/people-now?${query.toString()}"` : ''}>${listOf(asked, shownNow)}</div>`,
      };
    },
  },
  {
    method: 'stream',
    path: '/people-now',
    audience: ['operator'],
    async answer(asked) {
      const text = String(await listOf(asked, await peopleNow(asked)));
      return { raw: new Response(text, { headers: { 'content-type': 'text/html; charset=UTF-8' } }) };
    },
  },
  {
    method: 'GET',
    path: '/people/one',
    audience: ['operator'],
    async answer(asked) {
      const who = whoIn((name) => asked.query.get(name));
      const { result } = await asked.perform('offboardPerson', {
        ...who,
        includeUnproven: false,
        undo: false,
        dryRun: true,
      });
      return planPage(asked, who, result as Plan);
    },
  },
  {
    method: 'POST',
    path: '/people/off-board',
    audience: ['operator'],
    async answer({ perform, form, lately }) {
      const who = whoIn((name) => form.get(name));
      const typed = form.get('typed')?.trim() ?? '';
      if (typed !== who.subject) return notTyped(who);
      lately.people.forget();
      const includeUnproven = form.get('unproven') === 'on';
      const { result, warnings } = await perform('offboardPerson', {
        ...who,
        includeUnproven,
        confirmed: typed,
        undo: false,
        dryRun: false,
      });
      lately.people.forget();
      return donePage(who, result, warnings);
    },
  },
  {
    method: 'POST',
    path: '/people/let-in',
    audience: ['operator'],
    async answer({ perform, form, lately }) {
      const who = whoIn((name) => form.get(name));
      const typed = form.get('typed')?.trim() ?? '';
      if (typed !== who.subject) return notTyped(who);
      lately.people.forget();
      await perform('offboardPerson', { ...who, includeUnproven: false, confirmed: typed, undo: true, dryRun: false });
      return { to: addressOf(who), said: { look: 'ok', title: 'They can sign in and connect again' } };
    },
  },
];

/** Every page of vaults is read for a list, so that one which is a little older is shown first, with its time. */
const lateMs = 30_000;

function wantedOf({ query }: Asked): { id: string; request: RequestOf<'listPeople'> } {
  const find = query.get('find')?.trim() ?? '';
  const page = numberIn(query.get('page'), 1_000_000);
  return { id: JSON.stringify([find, page]), request: { ...(find !== '' && { find }), page } };
}

async function peopleNow(asked: Asked): Promise<Lately<ResultOf<'listPeople'>>> {
  const { id, request } = wantedOf(asked);
  const at = clock.now();
  const { result } = await asked.perform('listPeople', request);
  asked.lately.people.set(id, asked.configuration, result, at);
  return { value: result, at };
}

function listOf(
  { query }: Asked,
  { value: { people, found, page, pages }, at }: Lately<ResultOf<'listPeople'>>,
): Markup {
  const now = new URLSearchParams(query);
  now.set('now', '');
  return html`<p class="soft" role="status">${found === 1 ? '1 person' : `${found} people`} as of ${at.toISOString().slice(11, 19)} UTC. <a href="/people?${now.toString()}">Look again</a></p>
<ul class="rows">${people.map(personRow)}</ul>
${pagerOf('/people', withoutNow(query), { page, pages })}`;
}

function withoutNow(query: URLSearchParams): URLSearchParams {
  const others = new URLSearchParams(query);
  others.delete('now');
  return others;
}

/** Who acts on somebody types their subject: what else was typed does nothing. */
function notTyped(who: Who): PageAnswer {
  return {
    to: addressOf(who),
    said: { look: 'bad', title: 'That is not the subject', lines: ['Nothing was done.'] },
  };
}

function whoIn(said: (name: string) => string | null | undefined): Who {
  const [issuer, kind] = [said('issuer'), said('kind')];
  return { subject: said('subject') ?? '', ...(issuer && { issuer }), ...(kind && { kind }) };
}

function addressOf({ subject, issuer, kind }: Who): string {
  return `/people/one?${new URLSearchParams({ subject, ...(issuer !== undefined && { issuer }), ...(kind !== undefined && { kind }) })}`;
}

function personRow({ owner, label, is_offboarded: isGone, vaults }: Person): Markup {
  const unsigned = vaults.filter(({ signature }) => signature === 'invalid').length;
  const state = isGone
    ? stateOf('bad', 'Off-boarded')
    : vaults.length === 1
      ? stateOf('ok', 'Active')
      : stateOf('warn', `${vaults.length} vaults`);
  return html`<li><div class="head"><a href="${addressOf(owner)}">${named(label)}</a>${state}${unsigned > 0 ? stateOf('bad', 'A signature does not count') : ''}</div>
<p><code>${named(owner.subject)}</code> · ${owner.kind} · ${named(owner.issuer.replace(/^https?:\/\//, ''))}</p></li>`;
}

/** What the signature of an owner record is worth, in words; nothing where none is wanted. */
const signatures: Readonly<Record<string, string>> = {
  valid: ', signed',
  unsigned: ', not signed',
  invalid: ', and its signature does not count',
};

function planPage(
  { buttons, may }: Asked,
  who: Who,
  { owner, vaults, archived_vaults: archived, sessions }: Plan,
): PageAnswer {
  const unproven = vaults.filter(({ plan }) => plan === 'leave');
  const isGone = vaults.every(({ offboarded }) => offboarded) && archived.some(({ offboarded }) => offboarded);
  const fields = { subject: owner.subject, issuer: owner.issuer, kind: owner.kind };
  const typed = html`<label class="field">Type the subject to say whom<small><code>${named(who.subject)}</code></small><input name="typed" required autocomplete="off" autocapitalize="off" spellcheck="false"></label>`;
  return {
    title: owner.subject,
    body: html`${introduction(owner.subject, html`${owner.kind} of ${named(owner.issuer)}`, html`<a class="button" href="/people">All people</a>`)}
<h2 class="group">Connections</h2>
<ul class="rows">${vaults.map(
      ({ vault_id: id, created_at: at, signature, offboarded, plan, credentials }) =>
        html`<li><div class="head"><code>${named(id)}</code>${offboarded ? stateOf('bad', 'Off-boarded') : plan === 'leave' ? stateOf('warn', 'Not proven to be theirs') : stateOf('ok', 'Active')}</div>
<p>since ${timeOf(at)}${signatures[signature] ?? ''}</p>${
          credentials.length === 0
            ? html`<p>nothing is connected</p>`
            : factsOf(
                credentials.map(({ service, mcp_server_url: url, kind, account }): [string, string] => [
                  service ?? url ?? kind,
                  account ?? 'an account that nobody named',
                ]),
              )
        }</li>`,
    )}</ul>${archived.length === 0 ? '' : html`<p class="soft">${archived.length} archived${archived.some(({ offboarded }) => offboarded) ? ', with the mark of an off-boarding' : ''}</p>`}
<h2 class="group">Sessions</h2>
${sessions.length === 0 ? html`<p>None runs.</p>` : html`<ul class="rows">${sessions.map(({ session_id: id, status }) => html`<li><div class="head"><code>${named(id)}</code><span class="soft">${shown(status)}</span></div></li>`)}</ul>`}
${
  !may('offboardPerson')
    ? ''
    : isGone
      ? html`<h2 class="group">Let in again</h2>${buttons.form('/people/let-in', fields, html`${typed}<button>Let in again</button>`)}`
      : html`<h2 class="group">Off-board</h2>
<p>Ends all of it at once: connections, sessions, vaults, and what they are signed in with here. At the services themselves the access is to be ended by hand; the list of it comes with the evidence.</p>
${buttons.form(
  '/people/off-board',
  fields,
  html`${typed}${unproven.length === 0 ? '' : tickField('unproven', 'also what is not proven to be theirs', false)}<button class="grave">Off-board</button>`,
)}`
}`,
  };
}

function donePage(who: Who, result: Result, warnings: readonly string[]): PageAnswer {
  if (!('change' in result) || result.change !== 'offboarded') {
    return {
      to: addressOf(who),
      said: { look: 'plain', title: 'They were off-boarded before', lines: ['Nothing was left to do.'] },
    };
  }
  const { steps, not_revoked: left, seconds, beside }: Done = result;
  const failed = steps.filter(({ done }) => !done).length;
  return {
    title: 'Off-boarded',
    body: html`${introduction('Off-boarded', html`<code>${named(who.subject)}</code>`, html`<a class="button" href="/people">All people</a>`)}
${noticeOf({
  look: failed === 0 ? 'ok' : 'bad',
  title:
    failed === 0 ? `All of it ended in ${seconds.toFixed(1)} s` : `${failed} steps were not done: off-board once more`,
  lines: warnings,
})}
${left.length === 0 ? '' : html`<h2 class="group">To be ended by hand</h2><ul class="rows">${beside.byHand.map((line) => html`<li>${sentence(line.replace(/^- /, ''))}</li>`)}</ul>`}
<h2 class="group">Evidence</h2>
<ol class="rows">${steps.map(
      ({ act, id, done, answer, seconds: took }) =>
        html`<li><div class="head"><code>${shown(act)}</code>${stateOf(done ? 'ok' : 'bad', done ? 'Done' : 'Not done')}</div><p><code>${named(id)}</code>: ${sentence(answer)}, ${took.toFixed(2)} s</p></li>`,
    )}</ol>
<details><summary>As JSON, to keep</summary><pre tabindex="0" aria-label="The evidence as JSON">${shownJson({ ...result, beside: undefined })}</pre></details>`,
  };
}

function shownJson(value: unknown): string {
  return JSON.stringify(value, null, 2).split('\n').map(shown).join('\n');
}
