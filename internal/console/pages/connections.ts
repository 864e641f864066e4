/** My connections: every catalogued service, how it stands with it and why, what uses it, and the buttons for all of that. */
import { html } from 'hono/html';
import { clock } from '../../clock/clock.ts';
import type { Agent, Service } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import { factsOf, type Markup, named, sentence, shown } from '../../markup/document.ts';
import { icon } from '../../markup/icons.ts';
import { mayUseAgent, mayUseService } from '../../policy/verdict.ts';
import { BetterSignInNeeded } from '../better-sign-in.ts';
import type { Flow } from './flows.ts';
import { introduction } from './layout.ts';
import { type Asked, NothingThere, type PageAnswer, type PageRoute, type ResultOf, type Said } from './page.ts';
import { failed, timeOf } from './words.ts';

type State = ResultOf<'listConnections'>['services'][number];

const home = '/connections';
/** How long a request waits for what happens next before it shows a page that asks again. */
const waitMs = 10_000;
/** How long a sign-in may take to get its address: discovery and registration have limits of their own. */
const startMs = 60_000;
/** What was tried so lately is not tried again because somebody looks. */
const triedMs = 30_000;

/** The rows of these pages. */
export const connectionsPages: readonly PageRoute[] = [
  { method: 'GET', path: home, audience: ['user'], inNavigation: 'My connections', answer: showAll },
  { method: 'stream', path: '/connections-now', audience: ['user'], answer: showNow },
  { method: 'POST', path: '/connections-check', audience: ['user'], answer: checkAll },
  { method: 'GET', path: '/connections/:service', audience: ['user'], answer: showOne },
  { method: 'POST', path: '/connections/:service/connect', audience: ['user'], answer: connect },
  { method: 'POST', path: '/connections/:service/check', audience: ['user'], answer: check },
  { method: 'POST', path: '/connections/:service/disconnect', audience: ['user'], answer: disconnect },
  { method: 'GET', path: '/connecting/:flow', audience: ['user'], answer: showFlow },
  { method: 'POST', path: '/connecting/:flow/answer', audience: ['user'], answer: answerFlow },
  { method: 'POST', path: '/connecting/:flow/cancel', audience: ['user'], answer: cancelFlow },
];

/** What is there is asked of the platform each time. Whether it works takes as long as its service does: that comes after. */
async function showAll(asked: Asked): Promise<PageAnswer> {
  const { result } = await asked.perform('listConnections', { tries: [] });
  const states = result.services.map((state) => asKnown(asked, state));
  const check = states.some(({ credential_id: id }) => id !== null)
    ? asked.buttons.form('/connections-check', {}, html`<button>Check all</button>`)
    : '';
  return {
    title: 'My connections',
    body: html`${introduction('My connections', 'What sessions may reach as you. The tokens are in your own vault, and only sessions that are bound to you use them.', check)}
<div${isLate(states) ? html` data-late="/connections-now"` : ''}>${listOf(asked, states)}</div>
${
  result.not_in_catalogue.length === 0
    ? ''
    : html`<h2 class="part">Not in the catalogue</h2>
<ul class="cards">${result.not_in_catalogue.map(
        ({ mcp_server_url: address, account }) =>
          html`<li class="card"><div><strong>${named(address)}</strong><p class="summary">${account === null ? '' : named(account)}</p></div></li>`,
      )}</ul>`
}`,
  };
}

/** The same list with each connection tried, for our script. */
async function showNow(asked: Asked): Promise<PageAnswer> {
  const text = String(await listOf(asked, await tried(asked)));
  return { raw: new Response(text, { headers: { 'content-type': 'text/html; charset=UTF-8' } }) };
}

async function checkAll(asked: Asked): Promise<PageAnswer> {
  try {
    const states = await tried(asked);
    const there = states.filter(({ credential_id: id }) => id !== null);
    const wrong = there.filter(({ status, account_accepted: accepted }) => status !== 'connected' && !accepted);
    return {
      to: home,
      said: {
        look: wrong.length === 0 ? 'ok' : 'warn',
        title: `${there.length - wrong.length} of ${there.length} are known to work`,
        lines: wrong.map(({ title, reason }) => `${title}: ${reason}`),
      },
    };
  } catch (error) {
    return { to: home, said: failed('The connections could not be checked', error) };
  }
}

/** A state with the time at which the connection was tried; undefined where it was not, of late. */
type KnownState = State & { triedAt: Date | undefined };

/** Has connections tried, all or one, and remembers how they were. */
async function tried(asked: Asked, tries?: [string]): Promise<KnownState[]> {
  const at = clock.now();
  const { result } = await asked.perform('listConnections', tries === undefined ? {} : { tries });
  for (const { service, credential_id: id, status, reason } of result.services) {
    if (id === null || (tries !== undefined && !tries.includes(service))) continue;
    asked.lately.health.set(id, asked.configuration, { status, reason }, at);
  }
  return result.services.map((state) => asKnown(asked, state));
}

/** It is connected, whatever a look at it says: where there is none, the page says that it was not checked. */
async function triedIfItCan(asked: Asked, service: string): Promise<void> {
  try {
    await tried(asked, [service]);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
  }
}

/** What is known without a try comes first; what a try said counts for the very connection that was tried. */
function asKnown({ lately, configuration }: Asked, state: State): KnownState {
  const { credential_id: id, connected_at: since, status } = state;
  const known = id === null ? undefined : lately.health.get(id, configuration);
  if (known === undefined || known.at.getTime() < Date.parse(since ?? '')) return { ...state, triedAt: undefined };
  return { ...state, ...(status === 'unknown' && known.value), triedAt: known.at };
}

function isLate(states: readonly KnownState[]): boolean {
  const late = clock.now().getTime() - triedMs;
  return states.some(({ credential_id: id, triedAt }) => id !== null && (triedAt?.getTime() ?? 0) < late);
}

function listOf(asked: Asked, states: readonly KnownState[]): Markup {
  const there = states.filter(({ credential_id: id }) => id !== null);
  const times = there.map(({ triedAt }) => triedAt?.toISOString() ?? '').sort();
  const words =
    there.length === 0
      ? ''
      : times[0] === ''
        ? 'Not every connection was checked lately.'
        : `Checked ${timeOf(times[0] ?? '')}.`;
  return html`<p class="soft" id="checked" role="status">${words}</p>
<ul class="services">${states.map((state, index) => card(asked, state, index))}</ul>`;
}

async function showOne(asked: Asked): Promise<PageAnswer> {
  const state = await stateOf(asked);
  const { service, title } = state;
  const { result } = await asked.perform('listSessions', { all: false, usage: false });
  const agents = agentsWith(asked, service);
  const live = result.sessions.filter(({ tools }) => tools.some((each) => each.service === service));
  const nothing = agents.length === 0 && live.length === 0;
  return {
    title,
    body: html`${introduction(title, html`${statusOf(state)}`, buttonsOf(asked, state))}
<div class="panel">${detailsOf(state, accountOf(state))}</div>
<h2 class="part" id="uses">What uses it</h2>
${nothing ? html`<p class="soft">No agent that you may use has it, and no session of yours runs with it.</p>` : ''}
${
  agents.length === 0
    ? ''
    : html`<p>Agents: ${agents.map((name, at) => html`${at === 0 ? '' : ', '}<a href="/agents/${encodeURIComponent(name)}">${named(name)}</a>`)}</p>`
}
${
  live.length === 0
    ? ''
    : html`<p>Sessions that run:</p><ul class="list">${live.map(
        ({ session_id: id, agent, started_at: at }) =>
          html`<li><a href="/sessions/${encodeURIComponent(id)}">${shown(id)}</a> <span class="soft">${named(agent)}, since ${timeOf(at)}</span></li>`,
      )}</ul>`
}
${
  state.credential_id === null
    ? ''
    : html`<h2 class="part">Disconnect</h2>
<p>Its tokens are destroyed, and sessions of yours can no longer use it${live.length === 0 ? '' : ', those that run now included'}. What ${shown(title)} itself granted is ended there, in the connected apps of the account.</p>
<div class="actions">${asked.buttons.form(`${home}/${service}/disconnect`, {}, html`<button class="grave">Disconnect ${shown(title)}</button>`)}
<a class="button" href="${home}">Keep it</a></div>`
}`,
  };
}

async function connect(asked: Asked): Promise<PageAnswer> {
  return await begin(asked, serviceOf(asked));
}

async function begin(asked: Asked, { name, title = name }: Service): Promise<PageAnswer> {
  const flow = await asked.flows.begin(
    'connect',
    { service: name, newClient: false, legacyEndpoints: false, acceptAudience: false, asksOther: true },
    name,
  );
  return await next(asked, flow, title, startMs);
}

async function check(asked: Asked): Promise<PageAnswer> {
  const { name, title = name } = serviceOf(asked);
  const to = `${home}#${name}`;
  try {
    const state = (await tried(asked, [name])).find(({ service }) => service === name);
    if (state === undefined) return { to: home };
    const [look, words] = looks[state.status];
    return { to, said: { look, title: `${title}: ${words.toLowerCase()}`, lines: [state.reason] } };
  } catch (error) {
    return { to, said: failed(`${title} could not be checked`, error) };
  }
}

async function disconnect(asked: Asked): Promise<PageAnswer> {
  const { name, title = name } = serviceOf(asked);
  try {
    const { result, warnings } = await asked.perform('disconnect', { service: name, dryRun: false });
    const byHand = 'remove_by_hand' in result ? result.remove_by_hand : null;
    const lines =
      byHand === null ? [] : [`What it granted is ended at ${title} itself, in the ${byHand.where} of the account.`];
    return { to: home, said: { look: 'ok', title: `${title} is disconnected`, lines: [...lines, ...warnings] } };
  } catch (error) {
    return { to: home, said: failed(`${title} could not be disconnected`, error) };
  }
}

async function showFlow(asked: Asked): Promise<PageAnswer> {
  const flow = await flowOf(asked);
  // The way back leads here when it was answered long ago.
  return flow === undefined ? { to: home } : await next(asked, flow, titleOf(asked, flow), waitMs);
}

async function answerFlow(asked: Asked): Promise<PageAnswer> {
  const flow = await flowOf(asked);
  const question = Number(asked.form.get('question'));
  const [yes, line] = [asked.form.get('answer'), asked.form.get('line')];
  if (flow === undefined || !Number.isSafeInteger(question)) return { to: home };
  if (yes === 'again') return await chooseAnother(asked, flow, question);
  if (yes === 'yes' || yes === 'no') await asked.flows.answer(flow.id, question, { yes: yes === 'yes' });
  else if (line !== undefined) await asked.flows.answer(flow.id, question, { line });
  return { to: `/connecting/${flow.id}` };
}

/** No, and once more from the beginning: what was granted for the account that was not meant is given back first. */
async function chooseAnother(asked: Asked, flow: Flow, question: number): Promise<PageAnswer> {
  const service = asked.configuration.services.get(flow.about);
  const isAnswered = await asked.flows.answer(flow.id, question, { yes: false });
  if (!isAnswered || service === undefined) return { to: `/connecting/${flow.id}` };
  const { kind } = await flow.settled(startMs, question);
  return kind === 'failed' ? await begin(asked, service) : { to: `/connecting/${flow.id}` };
}

async function cancelFlow(asked: Asked): Promise<PageAnswer> {
  const flow = await flowOf(asked);
  if (flow === undefined) return { to: home };
  await asked.flows.end(flow.id);
  await flow.settled(waitMs);
  return {
    to: home,
    said: { look: 'plain', title: `${titleOf(asked, flow)}: cancelled`, lines: flow.warnings().slice() },
  };
}

/** What comes next in a sign-in at a service. */
async function next(asked: Asked, flow: Flow, title: string, atMostMs: number): Promise<PageAnswer> {
  const stage = await flow.settled(atMostMs);
  const here = `/connecting/${flow.id}`;
  const to = `${home}#${flow.about}`;
  switch (stage.kind) {
    case 'leaving':
      return { away: { to: stage.to, title, run: flow.id, question: stage.question, back: here } };
    case 'over':
      await triedIfItCan(asked, flow.about);
      return { to, said: connectedWords(title, stage.result as ResultOf<'connect'>, flow.warnings()) };
    case 'failed':
      if (stage.error instanceof BetterSignInNeeded) throw stage.error;
      return { to, said: failed(`${title} could not be connected`, stage.error) };
    case 'asking':
      return { title: `${title}: is this right?`, body: questionOf(asked, here, title, stage.question) };
    case 'working':
      return {
        title: `Connecting ${title}`,
        refreshSeconds: 5,
        body: html`${introduction(`Connecting ${title}`, 'It is not known yet how it ended.')}
<div class="actions"><a class="button" href="${here}">Look again</a>${asked.buttons.form(`${here}/cancel`, {}, html`<button>Cancel</button>`)}</div>`,
      };
  }
}

type AskedNow = Extract<ReturnType<Flow['stage']>, { kind: 'asking' }>['question'];

/** What a client and its secret are, for somebody who is asked for one and may never have heard of either. */
const ofClients =
  'It belongs to the client of your organization there, and whoever administers that has it: if that is not you, cancel and ask them. It goes to the service and into your vault, and is neither shown nor kept anywhere else.';

function questionOf({ buttons }: Asked, here: string, title: string, { kind, id, text, about }: AskedNow): Markup {
  const question = { question: String(id) };
  const cancel = buttons.form(`${here}/cancel`, {}, html`<button>Cancel</button>`);
  if (kind === 'yes') {
    const answer = (given: 'yes' | 'no' | 'again', button: Markup) =>
      buttons.form(`${here}/answer`, { ...question, answer: given }, button);
    const heading = `${title}: is this right?`;
    if (about === 'other account') {
      return html`${introduction(heading, html`${sentence(text)}.`)}
<p>Nothing is stored yet. Use it only where this account is meant; sign out at ${shown(title)} first where it lets you choose no other one.</p>
<div class="actions">${answer('again', html`<button class="primary">Choose another account</button>`)}${answer('yes', html`<button>Use this account anyway</button>`)}${answer('no', html`<button>Store nothing</button>`)}</div>`;
    }
    return html`${introduction(heading, sentence(text))}
<div class="actions">${answer('yes', html`<button class="primary">Yes</button>`)}${answer('no', html`<button>No</button>`)}${answer('again', html`<button>Choose another account</button>`)}${cancel}</div>`;
  }
  const type = kind === 'unseen' ? 'password' : 'text';
  return html`${introduction(title, 'Something has to be entered before you are sent there.')}
<p>${ofClients}</p>
${buttons.form(
  `${here}/answer`,
  question,
  html`<div class="entering"><label for="line">${sentence(text)}</label>
<input id="line" name="line" type="${type}" autocomplete="off" required></div>
<div class="actions"><button class="primary">Go on</button></div>`,
)}
<div class="actions">${cancel}</div>`;
}

function connectedWords(title: string, { account, workspace }: ResultOf<'connect'>, warnings: readonly string[]): Said {
  const as = [account, workspace].filter((each) => each !== null && each !== '').map((each) => JSON.stringify(each));
  return {
    look: 'ok',
    title: `${title} is connected`,
    lines: [...(as.length === 0 ? [] : [`Account: ${as.join(', ')}`]), ...warnings],
  };
}

const looks = {
  connected: ['ok', 'Connected'],
  'needs-reconnect': ['bad', 'Has to be reconnected'],
  expired: ['bad', 'Expired'],
  'missing-scopes': ['warn', 'Scopes missing'],
  'wrong-account': ['warn', 'Another account'],
  unknown: ['plain', 'Not known'],
  'not-connected': ['plain', 'Not connected'],
} as const;

/** How many colors the style has for the marks. */
const hues = 6;

function card(asked: Asked, state: KnownState, index: number): Markup {
  const { service, title, account, workspace, account_accepted: accepted, credential_id: credential } = state;
  const names = [account, workspace].filter((name) => name !== null && name !== '');
  return html`<li class="service" id="${service}">
<div class="mark hue${index % hues}" aria-hidden="true">${shown([...title][0]?.toUpperCase() ?? '')}</div>
<div><div class="name"><h2>${shown(title)}</h2>${statusOf(state)}</div>
<p class="summary">${names.map((name, at) => html`${at === 0 ? '' : ' · '}${named(name ?? '')}`)}${accepted ? ' (accepted by name)' : ''}</p></div>
<div class="actions">${buttonsOf(asked, state)}</div>
${credential === null ? '' : html`<div class="more">${detailsOf(state)}</div>`}
</li>`;
}

function statusOf({ status, credential_id: id, triedAt }: KnownState): Markup {
  const isUntried = status === 'unknown' && id !== null && triedAt === undefined;
  const [look, words] = isUntried ? (['plain', 'Not checked yet'] as const) : looks[status];
  return html`<span class="state ${look}">${icon(look, 13)}${words}</span>`;
}

function buttonsOf(asked: Asked, { service: name, title, status, credential_id: credential }: State): Markup {
  const { principal, configuration, buttons } = asked;
  const service = configuration.services.get(name);
  const of = (word: string) => html`${word}<span class="hidden"> ${shown(title)}</span>`;
  const there = credential !== null;
  const needed = !there || !['connected', 'unknown'].includes(status);
  const mayUse = service !== undefined && mayUseService(principal, configuration, service);
  return html`${
    mayUse
      ? buttons.form(
          `${home}/${name}/connect`,
          {},
          html`<button${needed ? html` class="primary"` : ''}>${of(there ? 'Reconnect' : 'Connect')}</button>`,
        )
      : html`<p class="soft">You may not use it</p>`
  }${there ? buttons.form(`${home}/${name}/check`, {}, html`<button>${of('Check')}</button>`) : ''}${
    asked.parts['service'] === undefined && there
      ? html`<a class="button" href="${home}/${name}">${of('Details')}</a>`
      : ''
  }`;
}

/** Whose account it is. A card has that in its head. */
function accountOf({ account, workspace, account_accepted: accepted }: State): [string, string][] {
  const facts = [
    ['Account', accepted && account ? `${account} (accepted by name)` : account],
    ['Workspace', workspace],
  ] as const;
  return facts.flatMap(([name, value]) => (value ? [[name, value] satisfies [string, string]] : []));
}

function detailsOf({ status, reason, scopes, connected_at: since }: State, first: [string, string][] = []): Markup {
  const facts: [string, string | Markup][] = [...first];
  if (since !== null) facts.push(['Connected since', timeOf(since)]);
  facts.push([
    'Scopes',
    scopes.length === 0
      ? 'none named'
      : html`<ul class="scopes">${scopes.map((scope) => html`<li><code>${named(scope)}</code></li>`)}</ul>`,
  ]);
  return html`${status === 'connected' ? '' : html`<p class="why">${sentence(reason)}</p>`}${factsOf(facts)}`;
}

/** The agents of the configuration that whoever asks may use and that have a service. */
function agentsWith({ configuration, principal }: Asked, service: string): string[] {
  const has = (agent: Agent) => mayUseAgent(principal, agent) && service in agent.services;
  return [...configuration.agents.values()].filter(has).map(({ name }) => name);
}

async function stateOf(asked: Asked): Promise<KnownState> {
  const { name } = serviceOf(asked);
  const { result } = await asked.perform('listConnections', { tries: [] });
  const state = result.services.find(({ service }) => service === name);
  if (state === undefined) throw new NothingThere('the catalogue has no such service');
  return asKnown(asked, state);
}

function serviceOf({ configuration, parts }: Asked) {
  const service = configuration.services.get(parts['service'] ?? '');
  if (service === undefined) throw new NothingThere('the catalogue has no such service');
  return service;
}

async function flowOf({ flows, parts }: Asked): Promise<Flow | undefined> {
  return await flows.find(parts['flow'] ?? '');
}

function titleOf({ configuration }: Asked, { about }: Flow): string {
  return configuration.services.get(about)?.title ?? about;
}
