/** The page of buttons: every catalogued service, its state in the words of `list`, and what can be done about it. */
import { randomUUID } from 'node:crypto';
import { html } from 'hono/html';
import type { Service } from '../config/definitions.ts';
import type { ServiceState } from '../connection/check/list.ts';
import type { ConnectionStatus } from '../connection/check/status.ts';
import type { Connection } from '../connection/credentials.ts';
import type { Principal } from '../identity/principal.ts';
import { documentOf, factsOf, type Markup, named, sentence, shown } from '../markup/document.ts';
import { type IconName, icon } from '../markup/icons.ts';
import { mayUseService } from '../policy/verdict.ts';
import type { Flow, Stage } from './flow.ts';
import { type Look, type Notice, stateInWords } from './notice.ts';
import { pageScript } from './page-script.ts';
import type { ServicesController, View } from './services-controller.ts';

export async function servicesPage(controller: ServicesController, view: View, formToken: string): Promise<string> {
  const { principal, configuration } = controller.run;
  const button = buttons(formToken);
  return await documentOf({
    title: view.notice === undefined ? 'Connections' : `${view.notice.title} · Connections`,
    script: pageScript,
    body: html`${whereItEnds}
${topBar(principal, button.form('end', {}, html`<button>Finish</button>`))}
<main class="wide">
<div class="intro">
<div><h1>Connections</h1>
<p>What sessions may reach as you. The tokens are in your own vault, and only sessions that are bound to you use them.</p></div>
<div class="actions">${button.form('check', {}, html`<button>Check all</button>`)}</div>
</div>
${view.flow === undefined ? '' : underWay(view.flow, configuration.services.get(view.flow.serviceName), button)}
${view.notice === undefined ? '' : noticeOnPage(view.notice, button)}
<ul class="services">
${view.services.map((each, index) =>
  serviceCard(each, { allowed: mayUseService(principal, configuration, each.service), hue: index % hues }, button),
)}
</ul>
<p class="note">${
      view.examinedAt === undefined ? '' : html`Looked at ${timeOf(view.examinedAt)}. `
    }This page ends a minute after its tab is closed.</p>
</main>`,
  });
}

/** Where the script says that nobody answers any more: empty until then, for every browser. */
export const whereItEnds: Markup = html`<p class="gone" id="ended" role="alert"></p>`;

/** Forms of this browser's pages, each with the token that says so, and a word of its own: a form acts once. */
export interface Buttons {
  form(act: string, fields: Readonly<Record<string, string>>, content: Markup): Markup;
}

/** Makes the forms of one browser. */
export function buttons(formToken: string): Buttons {
  return {
    form: (act, fields, content) => html`<form method="post" action="${act}">
<input type="hidden" name="token" value="${formToken}">
<input type="hidden" name="once" value="${randomUUID()}">
${Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}${content}</form>`,
  };
}

/** What is at the top of every page: whose it is. */
function topBar({ kind, label, issuer }: Principal, end: Markup | ''): Markup {
  const proof = kind === 'sso' ? `signed in at ${issuer.replace(/^https?:\/\//, '')}` : 'account of this machine';
  return html`<header class="bar"><div>
<div class="brand">${icon('key', 22)}service-connection</div>
<div class="person">${named(label)} <small>${shown(proof)}</small></div>
${end}
</div></header>`;
}

/**
 * How a notice looks on any page. What was done leads to it: whoever does not see the page is read it first. It is no
 * `section`: elinks finds none by its id, and says so in a window of its own at every act.
 */
function noticeOnPage({ look, title, facts = [], lines, again }: Notice, button: Buttons): Markup {
  const words = html`<button>Choose another account</button>`;
  return html`<div class="notice ${look}" id="said" role="region" tabindex="-1" aria-labelledby="said-title">${icon(look, 20)}<div><h2 id="said-title">${shown(title)}</h2>
${facts.length === 0 ? '' : factsOf(facts)}${lines.map((line) => html`<p>${sentence(line)}</p>`)}${
  again === undefined ? '' : html`<div class="actions">${button.form('connect', { service: again.name }, words)}</div>`
}</div></div>`;
}

function underWay(flow: Flow, service: Service | undefined, button: Buttons): Markup {
  const title = service?.title ?? flow.serviceName;
  const stage = flow.stage();
  const question = stage.kind === 'asking' ? html`<a class="button primary" href="flow">Answer the question</a>` : '';
  const there =
    stage.kind === 'at the service' || stage.kind === 'leaving'
      ? html`<a class="button" href="${stage.start().href}">Continue at ${shown(title)}</a>`
      : '';
  return html`<section class="notice plain" aria-labelledby="going-title">${icon('wait', 20)}<div><h2 id="going-title">${shown(title)} is being connected</h2>
<p>${sentence(whatItWaitsFor(stage))}</p>
<div class="actions">${question}${there}${button.form('cancel', {}, html`<button>Cancel</button>`)}</div></div></section>`;
}

/** What a sign-in that is under way waits for, whichever tab asks. */
export function whatItWaitsFor(stage: Stage): string {
  switch (stage.kind) {
    case 'starting':
      return 'It is being prepared.';
    case 'at the terminal':
      return `It waits for you in the terminal where service-connection runs: type it there, not here. ${stage.what}`;
    case 'leaving':
    case 'at the service':
      return 'It waits for you to allow access there.';
    case 'finishing':
      return 'You came back; it is being stored.';
    case 'asking':
      return 'It waits for your answer.';
    case 'over':
      return 'It has ended.';
  }
}

const looks: Record<ConnectionStatus, Look> = {
  connected: 'ok',
  'needs-reconnect': 'bad',
  expired: 'bad',
  'missing-scopes': 'warn',
  'wrong-account': 'warn',
  unknown: 'plain',
  'not-connected': 'plain',
};

/** How many colors the style has for the marks. */
const hues = 6;

function serviceCard(
  { service, state, toEnd }: View['services'][number],
  { allowed, hue }: { allowed: boolean; hue: number },
  button: Buttons,
): Markup {
  const title = service.title ?? service.name;
  const { connection, status = 'unknown' } = state ?? {};
  const look = looks[status];
  return html`<li class="service" id="${service.name}">
<div class="mark hue${hue}" aria-hidden="true">${shown([...title][0]?.toUpperCase() ?? '')}</div>
<div><div class="name"><h2>${shown(title)}</h2><span class="state ${look}">${icon(look satisfies IconName, 13)}${stateInWords[status]}</span></div>
<p class="summary">${connection === undefined ? shown(new URL(service.mcp_server_url).host) : accountOf(connection)}</p></div>
<div class="actions">${actionsOf(service, state, allowed, button)}</div>
${connection === undefined || state === undefined ? whatHappened(state, toEnd) : details(state, connection)}
</li>`;
}

function actionsOf(service: Service, state: ServiceState | undefined, allowed: boolean, button: Buttons): Markup {
  const title = service.title ?? service.name;
  const fields = { service: service.name };
  const of = (word: string) => html`${word}<span class="hidden"> ${shown(title)}</span>`;
  const there = state?.connection !== undefined;
  const needed = there && state.status !== 'connected' && state.status !== 'unknown' && state.next !== undefined;
  const connect = !allowed
    ? html`<p class="soft">You may not use it</p>`
    : button.form(
        'connect',
        fields,
        html`<button${needed || !there ? html` class="primary"` : ''}>${of(there ? 'Reconnect' : 'Connect')}</button>`,
      );
  if (!there) return connect;
  return html`${connect}
${button.form('check', fields, html`<button>${of('Check')}</button>`)}
<a class="button danger" href="disconnect?service=${encodeURIComponent(service.name)}">${of('Disconnect')}</a>`;
}

/** What there is to know of a service that is not connected: how that came, and what has to be ended by hand. */
function whatHappened(state: ServiceState | undefined, toEnd: string | undefined): Markup | '' {
  const left = state?.left === true ? state.reason : undefined;
  const lines = [left, toEnd === undefined ? undefined : `Disconnected: ${toEnd}`].filter((line) => line !== undefined);
  return lines.length === 0
    ? ''
    : html`<div class="more">${lines.map((line) => html`<p class="why">${sentence(line)}</p>`)}</div>`;
}

/** What a button of the card does about a state. */
const pressNext: Partial<Record<ConnectionStatus, string>> = {
  'needs-reconnect': 'Press Reconnect.',
  expired: 'Press Reconnect.',
  'missing-scopes': 'Press Reconnect, and allow all of it.',
  'wrong-account': 'Press Reconnect, and choose your own account.',
  unknown: 'Press Check again later.',
};

function details({ status, reason, next, untriable }: ServiceState, connection: Connection): Markup {
  const { scopes, connectedAt } = connection.record;
  const list = scopes?.split(' ').filter(Boolean) ?? [];
  const facts: [string, string | Markup][] = [];
  if (connectedAt !== undefined) facts.push(['Connected since', timeOf(connectedAt)]);
  if (connection.expiresAt !== undefined && !connection.refreshable)
    facts.push(['Until', timeOf(connection.expiresAt)]);
  facts.push(['Scopes', list.length === 0 ? 'none named' : scopesOf(list)]);
  // An entered token is tried and entered where it was: at a terminal.
  const pressed = next === undefined || untriable === true ? undefined : pressNext[status];
  return html`<div class="more">
${status === 'connected' ? '' : html`<p class="why">${sentence(reason)}${pressed === undefined ? '' : html`<span class="soft"> · ${pressed}</span>`}</p>`}
${factsOf(facts)}</div>`;
}

/** How many scopes are shown before the rest is behind a click. */
const fewScopes = 6;

function scopesOf(list: readonly string[]): Markup {
  const items = html`<ul class="scopes">${list.map((scope) => html`<li><code>${named(scope)}</code></li>`)}</ul>`;
  return list.length <= fewScopes ? items : html`<details><summary>${list.length} scopes</summary>${items}</details>`;
}

function accountOf({ record }: Connection): Markup {
  const { account, workspace, accountAccepted } = record;
  const names = [account, workspace].filter((name) => name !== undefined && name !== '');
  const known = names.map((name, index) => html`${index === 0 ? '' : ' · '}${named(name ?? '')}`);
  return html`${known.length === 0 ? 'an account that the service did not name' : known}${accountAccepted === undefined ? '' : ' (accepted by name)'}`;
}

/** A time to the minute, in the form of `list`; a record may say anything. */
function timeOf(time: Date | string): string {
  const text = typeof time === 'string' ? time : time.toISOString();
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) ? `${text.slice(0, 16).replace('T', ' ')} UTC` : shown(text);
}
