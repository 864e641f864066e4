/** The catalogue: services and their tools, and the review of what is new or changed, which ends in a sheet with its ticks. */
import { html } from 'hono/html';
import { type Markup, named, sentence, shown } from '../../markup/document.ts';
import { introduction, noticeOf } from './layout.ts';
import {
  choiceField,
  download,
  filtersOf,
  numberIn,
  pageOf,
  pagerOf,
  stateOf,
  textField,
  tickField,
  toolName,
} from './lists.ts';
import type { Asked, PageAnswer, PageRoute, ResultOf } from './page.ts';

type Service = ResultOf<'showCatalogue'>['services'][number];
type Tool = ResultOf<'showCatalogue'>['tools'][number];
type Waiting = ResultOf<'listWaitingTools'>;
type WaitingTool = Waiting['services'][number]['tools'][number];

const toolsPerPage = 100;
const reviewsPerPage = 20;

/** The rows of these pages. */
export const cataloguePages: readonly PageRoute[] = [
  {
    method: 'GET',
    path: '/catalogue',
    audience: ['user'],
    inNavigation: 'Catalogue',
    async answer({ perform }) {
      const { services } = (await perform('showCatalogue', {})).result;
      return {
        title: 'Catalogue',
        body: html`${introduction('Catalogue', 'The services that agents can use here, and what was reviewed of their tools. What is not listed is off.')}
<ul class="services">${services.map(serviceCard)}</ul>`,
      };
    },
  },
  {
    method: 'GET',
    path: '/catalogue/:service',
    audience: ['user'],
    async answer({ perform, parts, query }) {
      const name = parts['service'] ?? '';
      const { services, tools } = (await perform('showCatalogue', { service: name })).result;
      const service = services.find((each) => each.name === name);
      const [find, pin, kind] = ['find', 'pin', 'class'].map((each) => query.get(each) ?? '');
      const wanted = tools.filter(
        (each) =>
          each.tool.toLowerCase().includes((find ?? '').toLowerCase()) &&
          (pin === '' || each.pin === pin) &&
          (kind === '' || (each.class ?? 'none') === kind),
      );
      const page = pageOf(wanted, query.get('page'), toolsPerPage);
      const path = `/catalogue/${encodeURIComponent(name)}`;
      return {
        title: service?.title ?? name,
        body: html`${introduction(service?.title ?? name, html`<code>${named(service?.address ?? '')}</code>`)}
${filtersOf(path, [
  choiceField('Kind', 'class', kind, [
    ['', 'all'],
    ['read', 'read'],
    ['write', 'write'],
    ['destructive', 'cannot be undone'],
    ['none', 'not listed'],
  ]),
  choiceField('Reviewed', 'pin', pin, [
    ['', 'all'],
    ['on', 'as reviewed'],
    ['off', 'off'],
  ]),
  textField('Tool', 'find', find, 'search'),
])}
<p class="soft" role="status">${wanted.length} of ${tools.length} tools</p>
<ul class="rows">${page.shown.map(toolRow)}</ul>
${pagerOf(path, query, page)}`,
      };
    },
  },
  {
    method: 'GET',
    path: '/review',
    audience: ['operator'],
    inNavigation: 'Review',
    async answer(asked) {
      const { result } = await asked.perform('listWaitingTools', {});
      return reviewPage(asked, result, { page: 1, ticks: new Set(), reasons: {}, find: '', kind: '' });
    },
  },
  {
    // What was ticked goes from page to page with the form, so that nothing of it is kept here and no script is needed.
    method: 'POST',
    path: '/review',
    audience: ['operator'],
    changesNothing: true,
    async answer(asked) {
      const { form, perform } = asked;
      const { result } = await perform('listWaitingTools', {});
      const done = doneIn(form, result);
      const go = form.get('go');
      if (go === 'sheet') {
        const { sheet } = (await perform('tickToolSheet', { ticks: [...done.ticks], reasons: done.reasons })).result;
        return download('review.md', 'text/markdown', sheet);
      }
      const page = go === 'find' ? 1 : done.page + (go === 'back' ? -1 : go === 'next' ? 1 : 0);
      return reviewPage(asked, result, { ...done, page });
    },
  },
];

function serviceCard(
  { name, title, is_pinned: pinned, read, write, destructive, off }: Service,
  index: number,
): Markup {
  const state = !pinned
    ? stateOf('warn', 'Not listed yet')
    : off > 0
      ? stateOf('warn', `${off} wait for a review`)
      : stateOf('ok', 'Reviewed');
  return html`<li class="service">
<div class="mark hue${index % 6}" aria-hidden="true">${shown([...title][0]?.toUpperCase() ?? '')}</div>
<div><div class="name"><h2><a href="/catalogue/${name}">${named(title)}</a></h2>${state}</div>
<p class="summary">${read} read, ${write} write, ${destructive} cannot be undone</p></div>
<div class="actions"></div></li>`;
}

/** Why a pin says what it says, for people who never saw a lock. */
const reasons: Readonly<Record<string, string>> = {
  'not-pinned': 'the server was not asked yet, so nobody compares it',
  'as-reviewed': 'as it was reviewed',
  'other-server': 'the file names another server than the one that was listed',
  'not-listed': 'the server does not have it',
  'not-reviewable': 'it cannot be reviewed',
  'no-longer-listed': 'the server no longer has it',
  new: 'new, and waits for a review',
  changed: 'changed since it was reviewed, and waits for another review',
  varying: 'another each time it is asked',
  'needs-task': 'it can only be called as a task',
};

function toolRow({ tool, class: kind, listed, pin, reason, router, reviewed_by: by, reviewed_at: at }: Tool): Markup {
  const words = [
    reasons[reason] ?? reason,
    ...(by === null ? [] : [`reviewed by ${by}${at === null ? '' : `, ${at.slice(0, 10)}`}`]),
    ...(router === null ? [] : [`a router: ${router}`]),
    ...(listed ? [] : ['the file of the service does not list it']),
  ];
  const state = !listed ? stateOf('plain', 'Off') : pin === 'on' ? stateOf('ok', 'In force') : stateOf('warn', 'Off');
  return html`<li><div class="head">${toolName(tool)}${state}<span class="soft">${kind === 'destructive' ? 'cannot be undone' : (kind ?? 'not listed')}</span></div><p>${sentence(words.join('; '))}</p></li>`;
}

/** What was ticked so far, where, and what is looked at. */
interface Done {
  page: number;
  find: string;
  kind: string;
  ticks: ReadonlySet<string>;
  reasons: Readonly<Record<string, string>>;
}

/** All that can be ticked of what waits. */
function ticksOf({ services }: Waiting): string[] {
  return services.flatMap(({ tools, all_read: all }) => [
    ...tools.flatMap(({ tick, tick_shape: shape }) => [tick, ...(shape === null ? [] : [shape])]),
    ...(all === null ? [] : [all.tick]),
  ]);
}

/** What a form says; a tick of what is another by now is none any more, and shows as not ticked. */
function doneIn(form: Asked['form'], waiting: Waiting): Done {
  const ticks = ticksOf(waiting);
  return {
    page: numberIn(form.get('page'), 1_000_000),
    find: form.get('find')?.trim() ?? '',
    kind: form.get('kind') ?? '',
    ticks: new Set(ticks.filter((tick) => form.get(`t:${tick}`) === 'on')),
    reasons: Object.fromEntries(
      ticks.flatMap((tick) => {
        const reason = form.get(`r:${tick}`)?.trim() ?? '';
        return reason === '' ? [] : [[tick, reason] as const];
      }),
    ),
  };
}

type Item =
  | { service: string; tool: WaitingTool }
  | { service: string; all: NonNullable<Waiting['services'][number]['all_read']> };

/** What an item is among others: first what needs one tick, then the worst: what there is to fear of it, or what it counts as. */
const groups = [
  ['all', 'Read by all accounts'],
  ['suspicious', 'Suspicious'],
  ['destructive', 'Cannot be undone'],
  ['write', 'Writes'],
  ['read', 'Reads'],
  ['gone', 'Gone'],
] as const;

function groupOf(item: Item): (typeof groups)[number][0] {
  if ('all' in item) return 'all';
  const { suspicions, change, counts_as: counts } = item.tool;
  return suspicions.length > 0 ? 'suspicious' : change === 'gone' ? 'gone' : counts;
}

function isFound(item: Item, { find, kind }: Done): boolean {
  const names = 'all' in item ? item.all.tools : [item.tool.tool];
  const isNamed = names.some((name) => name.toLowerCase().includes(find.toLowerCase()));
  return isNamed && (kind === '' || groupOf(item) === kind);
}

function reviewPage({ buttons }: Asked, waiting: Waiting, done: Done): PageAnswer {
  const all = waiting.services.flatMap(({ service, tools, all_read: all }): Item[] => [
    ...tools.map((tool) => ({ service, tool })),
    ...(all === null ? [] : [{ service, all }]),
  ]);
  const items = groups.flatMap(([group]) => all.filter((item) => groupOf(item) === group && isFound(item, done)));
  const { shown: here, page, pages } = pageOf(items, String(Math.max(1, done.page)), reviewsPerPage);
  const onPage = new Set(
    here.flatMap((item) => ('all' in item ? [item.all.tick] : [item.tool.tick, item.tool.tick_shape])),
  );
  // What is ticked on another page comes along unseen.
  const along = {
    page: String(page),
    ...Object.fromEntries([...done.ticks].filter((tick) => !onPage.has(tick)).map((tick) => [`t:${tick}`, 'on'])),
    ...Object.fromEntries(
      Object.entries(done.reasons).flatMap(([tick, reason]) => (onPage.has(tick) ? [] : [[`r:${tick}`, reason]])),
    ),
  };
  const away = [
    ...(waiting.moved.length === 0 ? [] : [`another server than the one that was listed: ${waiting.moved.join(', ')}`]),
    ...(waiting.not_pinned.length === 0
      ? []
      : [`not listed yet: ${waiting.not_pinned.join(', ')}; setup-session tools refresh lists them`]),
  ];
  return {
    title: 'Review',
    body: html`${introduction('Review', 'What is new or changed at the services, the worst first. It stays off until somebody reviewed it.')}
${away.length === 0 ? '' : noticeOf({ look: 'plain', title: 'Not in this list', lines: away })}
${
  all.length === 0
    ? html`<p>Nothing waits for a review.</p>`
    : html`<p class="soft" role="status">${items.length === all.length ? all.length : `${items.length} of ${all.length}`} to look at, ${done.ticks.size} ticked. Page ${page} of ${pages}.</p>
${buttons.form(
  '/review',
  along,
  html`<div class="filters">${choiceField('Kind', 'kind', done.kind, [['', 'all'], ...groups])}${textField('Tool', 'find', done.find, 'search')}<button name="go" value="find">Show</button></div>
${groups.map(([group, words]) => {
  const own = here.filter((item) => groupOf(item) === group);
  return own.length === 0
    ? ''
    : html`<h2 class="group">${words}</h2><ul class="rows">${own.map((item) => html`<li>${'all' in item ? allRead(item, done) : oneTool(item, done)}</li>`)}</ul>`;
})}
<div class="pager">${page > 1 ? html`<button name="go" value="back">Back</button>` : ''}${
    page < pages ? html`<button name="go" value="next">Next</button>` : ''
  }<button class="primary" name="go" value="sheet">Download the sheet</button></div>
<p class="note">Nothing is written here. Take over what was ticked in the repository of the configuration, as yourself: <code>setup-session tools accept --from review.md</code>. It looks once more, and says who reviewed.</p>`,
)}`
}`,
  };
}

function allRead({ service, all }: Extract<Item, { all: unknown }>, { ticks }: Done): Markup {
  return html`<div class="head"><span class="soft">${named(service)}</span>${all.tools.length} that read by their hints, names and schemas</div>
${tickField(`t:${all.tick}`, 'All of them are right', ticks.has(all.tick))}
<details><summary>Which</summary><ul class="scopes">${all.tools.map((tool) => html`<li>${toolName(tool)}</li>`)}</ul></details>`;
}

const changes = {
  new: ['plain', 'New'],
  changed: ['warn', 'Changed'],
  varying: ['warn', 'Changes each time'],
  gone: ['plain', 'Gone'],
} as const;

function oneTool({ service, tool }: Extract<Item, { tool: unknown }>, { ticks, reasons: said }: Done): Markup {
  const [look, words] = changes[tool.change];
  const as =
    tool.change === 'gone'
      ? 'Forget it'
      : `Right as: ${tool.counts_as === 'destructive' ? 'cannot be undone' : tool.counts_as}`;
  return html`<div class="head"><span class="soft">${named(service)}</span>${toolName(tool.tool)}${stateOf(look, words)}${
    tool.suspicions.length > 0 ? stateOf('bad', 'Suspicious') : ''
  }</div>
<pre>${tool.lines.map(shown).join('\n')}</pre>
${tickField(`t:${tool.tick}`, html`${as}<span class="hidden"> ${shown(tool.tool)}</span>`, ticks.has(tool.tick))}
${tool.tick_shape === null ? '' : tickField(`t:${tool.tick_shape}`, html`Right by its shape: what is another each time may be<span class="hidden"> ${shown(tool.tool)}</span>`, ticks.has(tool.tick_shape))}
${tool.takes_reason ? textField('Why it is bounded although its name says nothing (else it counts as what cannot be undone)', `r:${tool.tick}`, said[tool.tick]) : ''}${tool.is_listed || tool.change === 'gone' ? '' : html`<p>The file of the service does not list it: it stays off.</p>`}`;
}
