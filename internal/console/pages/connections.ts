/** My connections: every catalogued service, how it stands with it and why, what uses it, and the buttons for all of that. */
import { html } from 'hono/html';
import type { Agent } from '../../config/definitions.ts';
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

/** The rows of these pages. */
export const connectionsPages: readonly PageRoute[] = [
  { method: 'GET', path: home, audience: ['user'], inNavigation: 'My connections', answer: showAll },
  { method: 'GET', path: '/connections/:service', audience: ['user'], answer: showOne },
  { method: 'POST', path: '/connections/:service/connect', audience: ['user'], answer: connect },
  { method: 'POST', path: '/connections/:service/check', audience: ['user'], answer: check },
  { method: 'POST', path: '/connections/:service/disconnect', audience: ['user'], answer: disconnect },
  { method: 'GET', path: '/connecting/:flow', audience: ['user'], answer: showFlow },
  { method: 'POST', path: '/connecting/:flow/answer', audience: ['user'], answer: answerFlow },
  { method: 'POST', path: '/connecting/:flow/cancel', audience: ['user'], answer: cancelFlow },
];

async function showAll(asked: Asked): Promise<PageAnswer> {
  const { result } = await asked.perform('listConnections', {});
  return {
    title: 'My connections',
    body: html`${introduction('My connections', 'What sessions may reach as you. The tokens are in your own vault, and only sessions that are bound to you use them.')}
<ul class="services">${result.services.map((state, index) => card(asked, state, index))}</ul>
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
<div class="panel">${detailsOf(state)}</div>
<h2 class="part" id="uses">What uses it</h2>
${nothing ? html`<p class="soft">No agent that you may use has it, and no session of yours runs with it.</p>` : ''}
${
  agents.length === 0
    ? ''
    : html`<p>Agents: ${agents.map((name, at) => html`${at === 0 ? '' : ', '}${named(name)}`)}</p>`
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
  const { name, title = name } = serviceOf(asked);
  const flow = await asked.flows.begin(
    'connect',
    { service: name, newClient: false, legacyEndpoints: false, acceptAudience: false },
    name,
  );
  return await next(asked, flow, title, startMs);
}

async function check(asked: Asked): Promise<PageAnswer> {
  const { name, title = name } = serviceOf(asked);
  const to = `${home}#${name}`;
  try {
    const { result, warnings } = await asked.perform('checkConnections', { service: name });
    const [state] = result.services;
    if (state === undefined) return { to: home };
    const [look, words] = looks[state.status];
    return { to, said: { look, title: `${title}: ${words.toLowerCase()}`, lines: [state.reason, ...warnings] } };
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
  const flow = flowOf(asked);
  // The way back leads here when it was answered long ago, and another replica knows nothing of it.
  return flow === undefined ? { to: home } : await next(asked, flow, titleOf(asked, flow), waitMs);
}

async function answerFlow(asked: Asked): Promise<PageAnswer> {
  const flow = flowOf(asked);
  const question = Number(asked.form.get('question'));
  const [yes, line] = [asked.form.get('answer'), asked.form.get('line')];
  if (flow === undefined || !Number.isSafeInteger(question)) return { to: home };
  if (yes === 'yes' || yes === 'no') await asked.flows.answer(flow.id, question, { yes: yes === 'yes' });
  else if (line !== undefined) await asked.flows.answer(flow.id, question, { line });
  return { to: `/connecting/${flow.id}` };
}

async function cancelFlow(asked: Asked): Promise<PageAnswer> {
  const flow = flowOf(asked);
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

function questionOf({ buttons }: Asked, here: string, title: string, { kind, id, text }: AskedNow): Markup {
  const question = { question: String(id) };
  const cancel = buttons.form(`${here}/cancel`, {}, html`<button>Cancel</button>`);
  if (kind === 'yes') {
    const answer = (given: 'yes' | 'no', button: Markup) =>
      buttons.form(`${here}/answer`, { ...question, answer: given }, button);
    return html`${introduction(`${title}: is this right?`, sentence(text))}
<div class="actions">${answer('yes', html`<button class="primary">Yes</button>`)}${answer('no', html`<button>No</button>`)}${cancel}</div>`;
  }
  const type = kind === 'unseen' ? 'password' : 'text';
  return html`${introduction(title, 'Something has to be entered before you are sent there.')}
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

function card(asked: Asked, state: State, index: number): Markup {
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

function statusOf({ status }: State): Markup {
  const [look, words] = looks[status];
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

function detailsOf({ status, reason, scopes, connected_at: since }: State): Markup {
  const facts: [string, string | Markup][] = [];
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

async function stateOf(asked: Asked): Promise<State> {
  const { name } = serviceOf(asked);
  const { result } = await asked.perform('listConnections', {});
  const state = result.services.find(({ service }) => service === name);
  if (state === undefined) throw new NothingThere('the catalogue has no such service');
  return state;
}

function serviceOf({ configuration, parts }: Asked) {
  const service = configuration.services.get(parts['service'] ?? '');
  if (service === undefined) throw new NothingThere('the catalogue has no such service');
  return service;
}

function flowOf({ flows, parts }: Asked): Flow | undefined {
  return flows.find(parts['flow'] ?? '');
}

function titleOf({ configuration }: Asked, { about }: Flow): string {
  return configuration.services.get(about)?.title ?? about;
}
