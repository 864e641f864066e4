/** Agents: what one may use and why, and a new one as a change to be reviewed. */
import { html } from 'hono/html';
import { AppError } from '../../errors/app-error.ts';
import { factsOf, type Markup, named, sentence, shown } from '../../markup/document.ts';
import { introduction, noticeOf } from './layout.ts';
import {
  choiceField,
  download,
  filtersOf,
  pageOf,
  pagerOf,
  textField,
  tickField,
  toolName,
  verdictStates,
} from './lists.ts';
import type { Asked, PageAnswer, PageRoute, RequestOf, ResultOf } from './page.ts';

type Usable = ResultOf<'listUsableAgents'>['agents'][number];
type Choices = ResultOf<'listAgentChoices'>;
type Explained = ResultOf<'explainVerdicts'>['tools'][number];
type Draft = RequestOf<'draftAgent'>;
type Drafted = ResultOf<'draftAgent'>;

const toolsPerPage = 80;

/** The rows of these pages. */
export const agentsPages: readonly PageRoute[] = [
  {
    method: 'GET',
    path: '/agents',
    audience: ['user'],
    inNavigation: 'Agents',
    async answer({ perform }) {
      const { agents } = (await perform('listUsableAgents', {})).result;
      const [mine, others] = [agents.filter(({ may_start: may }) => may), agents.filter(({ may_start: may }) => !may)];
      return {
        title: 'Agents',
        body: html`${introduction('Agents', 'What each of them may do with your rights. A session is bound to you alone.')}
${mine.length === 0 ? html`<p>No agent is for you yet. Whoever reviews <code>config/agents/</code> says whom one is for.</p>` : ''}
<ul class="services">${mine.map(agentCard)}</ul>
${
  others.length === 0
    ? ''
    : html`<details><summary>${others.length} for others</summary><ul class="rows">${others.map(
        ({ name, groups }) =>
          html`<li><div class="head"><a href="/agents/${name}">${named(name)}</a></div><p>${groups.length === 0 ? 'for nobody’s group' : html`for ${groups.join(', ')}`}</p></li>`,
      )}</ul></details>`
}`,
      };
    },
  },
  {
    method: 'GET',
    path: '/agents/:agent',
    audience: ['user'],
    async answer({ perform, parts, query }) {
      const name = parts['agent'] ?? '';
      const { result } = await perform('explainVerdicts', { agent: name });
      const services = [...new Set(result.tools.map(({ service }) => service))];
      const [service, verdict, find] = ['service', 'verdict', 'find'].map((each) => query.get(each) ?? '');
      const wanted = result.tools.filter(
        (each) =>
          (service === '' || each.service === service) &&
          (verdict === '' || each.verdict === verdict) &&
          each.tool.toLowerCase().includes((find ?? '').toLowerCase()),
      );
      // What it can do comes before what it cannot.
      const sorted = groupedBy(wanted, ({ service: of }) => of).flatMap(([, tools]) =>
        tools.toSorted((one, other) => order.indexOf(one.verdict) - order.indexOf(other.verdict)),
      );
      const page = pageOf(sorted, query.get('page'), toolsPerPage);
      const path = `/agents/${encodeURIComponent(name)}`;
      return {
        title: name,
        body: html`${introduction(name, result.may_start ? html`What you get of it, for ${named(result.beside.who)}` : 'This agent is not for you: you cannot start it.')}
${filtersOf(path, [
  choiceField('Service', 'service', service, [
    ['', 'all'],
    ...services.map((each) => [each, each === 'builtin' ? builtIn : each] as const),
  ]),
  choiceField('Verdict', 'verdict', verdict, verdictChoices),
  textField('Tool', 'find', find, 'search'),
])}
<p class="soft" role="status">${wanted.length} of ${result.tools.length} tools</p>
${groupedBy(page.shown, ({ service: of }) => of).map(
  ([of, tools]) =>
    html`<h2 class="group">${of === 'builtin' ? builtIn : named(of)}</h2>${groupedBy(
      tools,
      ({ verdict: is }) => is,
    ).map(
      ([is, those]) =>
        html`<h3 class="group">${verdictWords.get(is) ?? is} (${wanted.filter((each) => each.service === of && each.verdict === is).length})</h3><ul class="rows">${those.map(verdictRow)}</ul>`,
    )}`,
)}
${pagerOf(path, query, page)}`,
      };
    },
  },
  {
    method: 'GET',
    path: '/new-agent',
    audience: ['operator'],
    inNavigation: 'New agent',
    async answer(asked) {
      const { result: choices } = await asked.perform('listAgentChoices', {});
      return formPage(asked, choices, emptyDraft(choices));
    },
  },
  {
    method: 'POST',
    path: '/new-agent',
    audience: ['operator'],
    changesNothing: true,
    async answer(asked) {
      const { result: choices } = await asked.perform('listAgentChoices', {});
      const draft = draftIn(asked.form, choices);
      try {
        const { result } = await asked.perform('draftAgent', draft);
        return draftPage(asked, draft, result);
      } catch (error) {
        // What was filled in is not lost for a name that is taken.
        if (!(error instanceof AppError) || !['usage', 'config_exists', 'config_invalid'].includes(error.code))
          throw error;
        return formPage(asked, choices, draft, error);
      }
    },
  },
  {
    method: 'POST',
    path: '/new-agent/patch',
    audience: ['operator'],
    changesNothing: true,
    async answer({ perform, form }) {
      const { result: choices } = await perform('listAgentChoices', {});
      const { result } = await perform('draftAgent', draftIn(form, choices));
      return download(`agent-${result.agent}.patch`, 'text/x-patch', result.patch);
    },
  },
];

const verdictChoices = [
  ['', 'all'],
  ['on', 'on'],
  ['auto', 'on where judged harmless'],
  ['ask', 'asks first'],
  ['off', 'off'],
] as const;

const builtIn = 'Built-in tools';
const order = ['on', 'auto', 'ask', 'off'] as const;
const verdictWords = new Map<string, string>(verdictChoices.map(([verdict, words]) => [verdict, words]));

function agentCard({ name, description, services, skills }: Usable, index: number): Markup {
  return html`<li class="service">
<div class="mark hue${index % 6}" aria-hidden="true">${shown([...name][0]?.toUpperCase() ?? '')}</div>
<div><div class="name"><h2><a href="/agents/${name}">${named(name)}</a></h2></div>
<p class="summary">${description === null ? '' : sentence(description)}</p></div>
<div class="actions"></div>
<div class="more">${factsOf([
    ...services
      .filter(({ service, on, ask, auto }) => service !== 'builtin' || on + ask + auto > 0)
      .map(({ service, on, ask, auto, off }): [string, string] => [
        service === 'builtin' ? builtIn : service,
        [
          [on, 'on'],
          [auto, 'on where harmless'],
          [ask, 'ask first'],
          [off, 'off'],
        ]
          .filter(([count]) => count !== 0)
          .map(([count, words]) => `${count} ${words}`)
          .join(', '),
      ]),
    ...(skills.length === 0 ? [] : [['Skills', skills.join(', ')] as [string, string]]),
  ])}</div></li>`;
}

function verdictRow({ tool, class: kind, verdict, rule, wider }: Explained): Markup {
  return html`<li><div class="head">${toolName(tool)}${verdictStates[verdict]}<span class="soft">${kind === 'destructive' ? 'cannot be undone' : kind === 'builtin' ? '' : kind}</span></div>
<p>${sentence(rule.because)}</p>${
    wider === null
      ? ''
      : html`<details><summary>What it would take</summary>${wider.changes.map(({ because }) => html`<p>${sentence(because)}</p>`)}</details>`
  }</li>`;
}

/** In the order in which the groups come. */
function groupedBy<Thing>(things: readonly Thing[], nameOf: (thing: Thing) => string): [string, Thing[]][] {
  const groups = new Map<string, Thing[]>();
  for (const each of things) groups.set(nameOf(each), [...(groups.get(nameOf(each)) ?? []), each]);
  return [...groups];
}

function emptyDraft({ model, environments }: Choices): Draft {
  return {
    name: '',
    description: '',
    model,
    system: '',
    services: {},
    skills: [],
    environment: environments[0] ?? '',
    groups: [],
    principals: [],
  };
}

/** What a form of ours says; of what it offers, and nothing else. */
function draftIn(form: Asked['form'], choices: Choices): Draft {
  const text = (name: string) => (form.get(name) ?? '').replace(/\r\n/g, '\n').trim();
  const ticked = (prefix: string, of: readonly string[]) => of.filter((each) => form.get(`${prefix}:${each}`) === 'on');
  const services = choices.services.flatMap(({ name }) => {
    const said = form.get(`service:${name}`);
    return said === 'off' || said === 'ask' || said === 'on' ? [[name, said] as const] : [];
  });
  const subject = text('for-subject');
  const forGroups = ticked('for', choices.groups);
  return {
    name: text('name'),
    description: text('description'),
    model: text('model'),
    system: text('system'),
    services: Object.fromEntries(services),
    skills: ticked('skill', choices.skills),
    environment: text('environment'),
    groups: ticked('group', choices.groups),
    principals: text('principals').split(/\s+/).filter(Boolean),
    ...((subject !== '' || forGroups.length > 0) && { preview: { subject, groups: forGroups } }),
  };
}

/** The same as fields that nobody sees, for the form behind it. */
function fieldsOf({ services, skills, groups, principals, preview, ...texts }: Draft): Record<string, string> {
  return {
    ...texts,
    ...Object.fromEntries(Object.entries(services).map(([name, write]) => [`service:${name}`, write])),
    ...Object.fromEntries(skills.map((each) => [`skill:${each}`, 'on'])),
    ...Object.fromEntries(groups.map((each) => [`group:${each}`, 'on'])),
    principals: principals.join(' '),
    ...(preview && { 'for-subject': preview.subject }),
    ...Object.fromEntries((preview?.groups ?? []).map((each) => [`for:${each}`, 'on'])),
  };
}

function formPage({ buttons }: Asked, choices: Choices, draft: Draft, error?: AppError): PageAnswer {
  const { services, environments, groups, skills } = choices;
  const field = (words: string, note: string, content: Markup) =>
    html`<label class="field">${words}${note === '' ? '' : html`<small>${note}</small>`}${content}</label>`;
  const input = (name: 'name' | 'description' | 'model', attributes: Markup | '' = '') =>
    html`<input name="${name}" value="${shown(draft[name])}" autocomplete="off" ${attributes}>`;
  return {
    title: 'New agent',
    ...(error !== undefined && { status: 409 }),
    body: html`${introduction('New agent', 'Nothing is made here: you get its file as a patch, which is reviewed like every change of config/, and put in force from there.')}
${error === undefined ? '' : noticeOf({ look: 'bad', title: error.message, lines: error.hint === undefined ? [] : [error.hint] })}
${buttons.form(
  '/new-agent',
  {},
  html`${field('Name', 'lower-case letters, digits and single hyphens', input('name', html`required maxlength="64" pattern="[a-z0-9]+(-[a-z0-9]+)*"`))}
${field('What it is for', 'in one line', input('description'))}
${services.map((each) => serviceChoice(each, draft.services[each.name]))}
${checks('Who may use it', 'group', groups, draft.groups)}
${field('Single people', 'their subjects, with spaces between', html`<input name="principals" value="${shown(draft.principals.join(' '))}" autocomplete="off">`)}
${checks('Skills', 'skill', skills, draft.skills)}
${field('Instructions', '', html`<textarea name="system" rows="5">${shown2(draft.system)}</textarea>`)}
${field('Model', '', input('model', html`required`))}
${field('Environment', '', html`<select name="environment">${environments.map((each) => html`<option${each === draft.environment ? html` selected` : ''}>${shown(each)}</option>`)}</select>`)}
<fieldset><legend>Show what somebody would get</legend>
<p class="soft">Somebody in these groups, as the reviewed files know them: nothing is connected.</p>
<div class="choices">${groups.map((each) => tickField(`for:${each}`, named(each), draft.preview?.groups.includes(each) === true))}</div>
${field('Their subject', 'where files name them', html`<input name="for-subject" value="${shown(draft.preview?.subject ?? '')}" autocomplete="off">`)}
</fieldset>
<button class="primary">Show the change</button>`,
)}`,
  };
}

/** A text of several lines stays one: what would steer a reader is made visible line by line. */
function shown2(text: string): string {
  return text.split('\n').map(shown).join('\n');
}

function checks(words: string, prefix: string, names: readonly string[], ticked: readonly string[]): Markup | '' {
  if (names.length === 0) return '';
  return html`<fieldset><legend>${words}</legend><div class="choices">${names.map((each) =>
    tickField(`${prefix}:${each}`, named(each), ticked.includes(each)),
  )}</div></fieldset>`;
}

const fewTools = 40;

/** One write switch for a service, and the tools that it governs. */
function serviceChoice(
  { name, title, read, write, destructive }: Choices['services'][number],
  said: string | undefined,
): Markup {
  const radio = (value: string, words: string) =>
    html`<label class="choice"><input type="radio" name="service:${name}" value="${value}"${value === (said ?? '') ? html` checked` : ''}><span>${words}</span></label>`;
  const tools = (words: string, list: readonly string[]): [string, Markup][] =>
    list.length === 0
      ? []
      : [
          [
            `${words} (${list.length})`,
            html`<ul class="scopes">${list.slice(0, fewTools).map((tool) => html`<li>${toolName(tool)}</li>`)}${
              list.length > fewTools ? html`<li>and ${list.length - fewTools} more</li>` : ''
            }</ul>`,
          ],
        ];
  return html`<fieldset><legend>${named(title)}</legend><div class="choices">
${radio('', 'not used')}${radio('off', 'reads, writes off')}${radio('ask', 'reads, writes ask first')}${radio('on', 'reads and writes')}</div>
<details><summary>Its tools</summary>${factsOf([
    ...tools('Read', read),
    ...tools('By the switch', write),
    ...tools('By the switch, and on still asks: what cannot be undone', destructive),
  ])}</details></fieldset>`;
}

function draftPage(
  { buttons }: Asked,
  draft: Draft,
  { agent, path, text, plan, preview, beside }: Drafted,
): PageAnswer {
  const changes = beside.agents.flatMap(({ changes: lines }) => lines);
  return {
    title: `New agent ${agent}`,
    body: html`${introduction(
      `New agent ${agent}`,
      html`Nothing was made. Take the patch into the repository of the configuration (<code>git apply</code>), have it reviewed, and let CI run <code>setup-session agents apply</code>.`,
      html`${buttons.form('/new-agent/patch', fieldsOf(draft), html`<button class="primary">Download the patch</button>`)}`,
    )}
<h2 class="group">Plan</h2>
<ul class="rows"><li><div class="head">${named(agent)} ${plan.agents[0]?.state === 'create' ? 'is created' : shown(plan.agents[0]?.state ?? '')}</div>
${changes.map((line) => html`<p>${sentence(line.trim())}</p>`)}</li></ul>
<h2 class="group"><code>${path}</code></h2>
<pre tabindex="0" aria-label="${path}">${shown2(text)}</pre>
${preview === null ? '' : previewOf(preview)}
<p><a class="button" href="/new-agent">Another one</a></p>`,
  };
}

function previewOf({ may_start: may, tools }: NonNullable<Drafted['preview']>): Markup {
  // What is off for one of many reasons is most of it: it is told in numbers.
  const open = tools.filter(({ verdict }) => verdict !== 'off');
  return html`<h2 class="group">What they would get</h2>
<p class="soft">${may ? '' : 'They could not start it. '}${open.length} of ${tools.length} tools${open.length > toolsPerPage ? `, the first ${toolsPerPage}` : ''}, every other off.</p>
<ul class="rows">${open
    .slice(0, toolsPerPage)
    .map(
      ({ service, tool, verdict, because }) =>
        html`<li><div class="head"><span class="soft">${named(service)}</span>${toolName(tool)}${verdictStates[verdict]}</div><p>${sentence(because)}</p></li>`,
    )}</ul>`;
}
