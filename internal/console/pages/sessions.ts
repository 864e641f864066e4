/** Sessions: those that run, one of them as it goes on, what is said to it, and the calls of it that wait for an answer. */
import { html } from 'hono/html';
import { AppError } from '../../errors/app-error.ts';
import { isSamePerson } from '../../identity/principal.ts';
import { factsOf, type Markup, named, sentence, shown } from '../../markup/document.ts';
import { icon } from '../../markup/icons.ts';
import { mayUseAgent } from '../../policy/verdict.ts';
import { sha256 } from '../../text/canonical.ts';
import { answerCallAt, askOf } from './asks.ts';
import { introduction } from './layout.ts';
import { type Asked, NothingThere, type PageAnswer, type PageRoute, type ResultOf } from './page.ts';
import { failed, timeOf } from './words.ts';

type Shown = ResultOf<'showSession'>;
type Listed = ResultOf<'listSessions'>['sessions'][number];

const home = '/sessions';
/** How long a page waits to hear that a message was refused. What comes later is seen where the session is. */
const refusalMs = 2_000;
/** Longer than anybody types; a request is bounded anyway. */
const longestMessage = 100_000;

/** The rows of these pages. */
export const sessionsPages: readonly PageRoute[] = [
  { method: 'GET', path: home, audience: ['user'], inNavigation: 'Sessions', answer: showAll },
  { method: 'POST', path: home, audience: ['user'], answer: start },
  { method: 'GET', path: '/sessions/new', audience: ['user'], answer: showNew },
  { method: 'GET', path: '/sessions/:session', audience: ['user'], answer: showOne },
  { method: 'stream', path: '/sessions/:session/now', audience: ['user'], answer: showNow },
  { method: 'POST', path: '/sessions/:session/send', audience: ['user'], answer: send },
  { method: 'POST', path: '/sessions/:session/answer', audience: ['approver'], answer: answer },
  { method: 'POST', path: '/sessions/:session/stop', audience: ['user'], answer: stop },
];

async function showAll(asked: Asked): Promise<PageAnswer> {
  const mayAll = asked.roles.has('operator');
  const all = mayAll && asked.query.get('of') === 'all';
  const { result } = await asked.perform('listSessions', { all, usage: false });
  const scope = mayAll
    ? html`<a class="button" href="${all ? home : `${home}?of=all`}">${all ? 'Only mine' : 'Of everybody'}</a>`
    : '';
  return {
    title: 'Sessions',
    body: html`${introduction(
      'Sessions',
      all
        ? 'Every session that runs in this workspace.'
        : 'Your sessions that run. Each reaches what its agent may, with your connections and nobody else’s.',
      html`${scope}<a class="button primary" href="${home}/new">Start a session</a>`,
    )}
${
  result.sessions.length === 0
    ? html`<p class="soft">No session runs now.</p>`
    : html`<ul class="cards">${result.sessions.map((session, at) => row(asked, session, result.beside.states[at] ?? '', all))}</ul>`
}`,
  };
}

function row({ principal }: Asked, session: Listed, state: string, all: boolean): Markup {
  const { session_id: id, agent, owner, started_at: at, asks, tools } = session;
  const own = owner !== null && isSamePerson(owner, principal);
  return html`<li class="card"><div>
<div class="name"><h2><a href="${home}/${encodeURIComponent(id)}">${named(agent)}</a></h2>${stateOf(session.state, state)}</div>
<p class="summary">${all ? html`${owner === null ? 'nobody’s' : own ? 'yours' : named(owner.subject)} · ` : ''}<code>${shown(id)}</code> · since ${timeOf(at)}${tools.length === 0 ? '' : html` · ${tools.map((each, at) => html`${at === 0 ? '' : ', '}${named(each.service)}`)}`}</p>
</div>${asks.length === 0 ? '' : html`<div class="actions"><a class="button primary" href="${home}/${encodeURIComponent(id)}#asks">Answer ${asks.length === 1 ? 'a call' : `${asks.length} calls`}</a></div>`}</li>`;
}

const looks: Readonly<Record<string, 'ok' | 'bad' | 'warn' | 'plain'>> = {
  running: 'ok',
  rescheduling: 'ok',
  waiting: 'warn',
  gave_up: 'bad',
};

function stateOf(state: string, words: string): Markup {
  const look = looks[state] ?? 'plain';
  return html`<span class="state ${look}">${icon(look, 13)}${shown(words.split(':')[0] ?? words)}</span>`;
}

/** What an agent may do for whoever asks is said before anything is started. */
async function showNew(asked: Asked): Promise<PageAnswer> {
  const { configuration, principal, query, buttons } = asked;
  const agents = [...configuration.agents.values()].filter((agent) => mayUseAgent(principal, agent));
  const agent = agents.find(({ name }) => name === query.get('agent'));
  if (agent === undefined) {
    return {
      title: 'Start a session',
      body: html`${introduction('Start a session', 'With which agent?')}
${
  agents.length === 0
    ? html`<p class="soft">No agent names you or a group of yours.</p>`
    : html`<ul class="cards">${agents.map(
        ({ name, services }) =>
          html`<li class="card"><div><div class="name"><h2>${named(name)}</h2></div><p class="summary">${Object.keys(services).map((each, at) => html`${at === 0 ? '' : ', '}${named(each)}`)}</p></div>
<div class="actions"><a class="button" href="${home}/new?${new URLSearchParams({ agent: name }).toString()}">Choose<span class="hidden"> ${shown(name)}</span></a></div></li>`,
      )}</ul>`
}`,
    };
  }
  const plan = await planOf(asked, agent.name);
  return {
    title: `Start ${agent.name}`,
    body: html`${introduction(`Start ${agent.name}`, 'What it may do for you. A tool that is not here is off.')}
${plan}
${buttons.form(
  home,
  { agent: agent.name },
  html`<div class="entering"><label for="message">What should it do first?</label>
<textarea id="message" name="message" rows="4" maxlength="${longestMessage}"></textarea></div>
<div class="actions"><button class="primary">Start</button><a class="button" href="${home}">Back</a></div>`,
)}`,
  };
}

async function planOf({ perform }: Asked, agent: string): Promise<Markup> {
  try {
    const { result } = await perform('startSession', { agent, without: [], end: false, dryRun: true });
    if (!('would' in result)) return html``;
    const on = result.tools.filter(({ verdict }) => verdict !== 'off');
    const services = [...new Set(on.map(({ service }) => service))];
    return html`<div class="panel">${on.length === 0 ? html`<p>It has no tool that is on for you.</p>` : ''}${services.map(
      (name) =>
        html`<h2>${named(name)}</h2><ul class="scopes">${on
          .filter(({ service }) => service === name)
          .map(
            ({ tool, verdict }) =>
              html`<li><code>${named(tool)}</code>${verdict === 'on' ? '' : verdict === 'ask' ? html` <small>asks first</small>` : html` <small>${verdict}</small>`}</li>`,
          )}</ul>`,
    )}</div>`;
  } catch (error) {
    const { title, lines = [] } = failed('It cannot be started as things are', error);
    return html`<div class="notice warn" role="note">${icon('warn', 20)}<div><h2>${title}</h2>${lines.map((line) => html`<p>${sentence(line)}</p>`)}<div class="actions"><a class="button" href="/connections">My connections</a></div></div></div>`;
  }
}

async function start(asked: Asked): Promise<PageAnswer> {
  const agent = asked.form.get('agent') ?? '';
  const message = textOf(asked.form.get('message'));
  try {
    const { result, warnings } = await asked.perform('startSession', { agent, without: [], end: false, dryRun: false });
    if (!('session_id' in result)) throw new AppError('usage', 'nothing was started');
    const to = `${home}/${encodeURIComponent(result.session_id)}`;
    if (message === '')
      return { to, said: { look: 'ok', title: `A session of ${agent} has begun`, lines: [...warnings] } };
    return await sent(asked, result.session_id, message, to);
  } catch (error) {
    return {
      to: `${home}/new?${new URLSearchParams({ agent }).toString()}`,
      said: failed('No session was started', error),
    };
  }
}

async function send(asked: Asked): Promise<PageAnswer> {
  const id = sessionIn(asked);
  const to = `${home}/${encodeURIComponent(id)}`;
  const message = textOf(asked.form.get('message'));
  if (message === '') return { to };
  return await sent(asked, id, message, to);
}

/** The turn goes on after this answer, whoever looks; what is refused at once is said at once. */
async function sent({ flows }: Asked, session: string, message: string, to: string): Promise<PageAnswer> {
  try {
    const flow = await flows.begin('sendMessage', { session, message, end: false }, session);
    const stage = await flow.settled(refusalMs);
    if (stage.kind === 'failed') throw stage.error;
    return { to: `${to}#now` };
  } catch (error) {
    return { to, said: failed('The message was not sent, or its turn failed', error) };
  }
}

async function answer(asked: Asked): Promise<PageAnswer> {
  const id = sessionIn(asked);
  return await answerCallAt(asked, id, `${home}/${encodeURIComponent(id)}`);
}

async function stop(asked: Asked): Promise<PageAnswer> {
  const id = sessionIn(asked);
  const to = `${home}/${encodeURIComponent(id)}`;
  const interrupt = asked.form.get('how') === 'interrupt';
  try {
    const { result } = await asked.perform('stopSession', { session: id, interrupt, dryRun: false });
    return { to, said: { look: 'ok', title: `The session is ${result.ended}` } };
  } catch (error) {
    return { to, said: failed('The session was not stopped', error) };
  }
}

async function showOne(asked: Asked): Promise<PageAnswer> {
  const shownNow = await sessionNow(asked);
  const { agent, session_id: id, ended_at: ended, owner, started_at: at } = shownNow;
  const own = owner !== null && isSamePerson(owner, asked.principal);
  const here = `${home}/${encodeURIComponent(id)}`;
  const facts: [string, string | Markup][] = [
    ['Session', html`<code>${shown(id)}</code>`],
    ['Owner', owner === null ? 'nobody' : own ? 'you' : owner.subject],
    ['Started', timeOf(at)],
    ...(ended === null ? [] : [['Ended', timeOf(ended)] satisfies [string, string]]),
  ];
  // Without the part of the page that a browser may be at: a link to where one is already loads nothing.
  const again = html`<a class="button" href="${here}">Look again</a>`;
  const stops = (how: 'interrupt' | 'end', button: Markup) => asked.buttons.form(`${here}/stop`, { how }, button);
  return {
    title: agent,
    ...(isMoving(shownNow) && { refreshSeconds: 5 }),
    body: html`${introduction(
      agent,
      factsOf(facts),
      ended !== null
        ? ''
        : html`${stops('interrupt', html`<button>Interrupt</button>`)}${stops('end', html`<button class="danger">End it</button>`)}`,
    )}
<div id="live" data-session="${id}" data-now="${here}/now" data-as="${fingerprint(shownNow)}">${liveOf(asked, shownNow)}</div>
${
  ended !== null || !own
    ? ''
    : asked.buttons.form(
        `${here}/send`,
        {},
        html`<div class="entering"><label for="message">Say something to it</label>
<textarea id="message" name="message" rows="3" maxlength="${longestMessage}" required></textarea></div>
<div class="actions"><button class="primary">Send</button>${again}</div>`,
      )
}`,
  };
}

/** The part of the page that changes while somebody looks at it, for our script. */
async function showNow(asked: Asked): Promise<PageAnswer> {
  const shownNow = await sessionNow(asked);
  const text = String(await liveOf(asked, shownNow));
  const headers = { 'content-type': 'text/html; charset=UTF-8', 'x-as': fingerprint(shownNow) };
  return { raw: new Response(text, { headers }) };
}

function liveOf(asked: Asked, { turns, asks, state, beside, session_id: id, owner }: Shown): Markup {
  const own = owner !== null && isSamePerson(owner, asked.principal);
  const here = `${home}/${encodeURIComponent(id)}`;
  return html`<div class="turns">${turns.map(
    ({ message, answer, calls, errors, at, interrupted }) => html`<article class="turn">
<p class="said"><span class="hidden">${own ? 'You' : 'They'} said: </span>${lined(message)}</p>
${at === null ? '' : html`<p class="soft"><small>${timeOf(at)}</small></p>`}
${
  calls.length === 0
    ? ''
    : html`<ul class="calls">${calls.map(
        ({ service, tool, outcome, failed: didFail }) =>
          html`<li><code>${named(`${service ?? ''} ${tool ?? ''}`)}</code> <span class="soft">${didFail === true ? 'failed' : outcomes[outcome]}</span></li>`,
      )}</ul>`
}
${answer === '' ? '' : html`<div class="answer">${lined(answer)}</div>`}
${errors.map(({ type, message: why }) => html`<p class="why">${named(type)}: ${named(why)}</p>`)}
${interrupted ? html`<p class="soft">Interrupted.</p>` : ''}</article>`,
  )}</div>
<p id="now" class="now" role="status">${stateOf(state, beside.state)}</p>
<div id="said-now" class="answer" hidden></div>
${
  asks.length === 0
    ? ''
    : html`<section id="asks" aria-labelledby="asks-title"><h2 class="part" id="asks-title">Waits for an answer</h2>
<ul class="cards">${asks.map((ask, at) => askOf(asked, { ...ask, session_id: id, noYes: beside.no_yes[at] ?? null }, `${here}/answer`))}</ul></section>`
}`;
}

const outcomes = {
  ran: 'ran',
  refused: 'refused',
  yes: 'was let',
  no: 'was not let',
  result: 'was given a result',
  open: 'is open',
} as const;

/** A text of several lines. */
function lined(text: string): Markup {
  return html`${text.split('\n').map((line, at) => html`${at === 0 ? '' : html`<br>`}${named(line)}`)}`;
}

function isMoving({ state }: Shown): boolean {
  return state === 'running' || state === 'rescheduling';
}

/** What a page shows of a session, so that what is the same is not shown again. */
export function fingerprint({ turns, asks, state, ended_at: ended }: Shown): string {
  return sha256(JSON.stringify([turns, asks, state, ended]));
}

async function sessionNow(asked: Asked): Promise<Shown> {
  const { result } = await asked.perform('showSession', { session: sessionIn(asked) });
  return result;
}

function sessionIn({ parts }: Asked): string {
  const { session } = parts;
  if (session === undefined || session === '') throw new NothingThere('no session is named');
  return session;
}

/** Browsers send line breaks as two characters. */
function textOf(entered: string | undefined): string {
  return (entered ?? '').replaceAll('\r\n', '\n').trim();
}
