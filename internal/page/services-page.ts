/** The page of buttons: every catalogued service, its state in the words of `list`, and what can be done about it. */
import { html } from 'hono/html';
import type { Service } from '../config/definitions.ts';
import type { ServiceState } from '../connection/check/list.ts';
import type { ConnectionStatus } from '../connection/check/status.ts';
import type { Connection } from '../connection/credentials.ts';
import type { Principal } from '../identity/principal.ts';
import { documentOf, factsOf, type Markup, shown } from '../markup/document.ts';
import { type IconName, icon } from '../markup/icons.ts';
import { mayUseService } from '../policy/verdict.ts';
import type { Flow, Stage } from './flow.ts';
import type { Look, Notice } from './notice.ts';
import type { ServicesController, View } from './services-controller.ts';

/** Says over an open connection that the tab is there, and shows when nobody answers any more. */
export const signOfLife =
  "const here=new EventSource('here');const ended=(is)=>document.body.classList.toggle('ended',is);here.onopen=()=>ended(false);here.onerror=()=>ended(true)";

export async function servicesPage(controller: ServicesController, view: View, formToken: string): Promise<string> {
  const { principal, configuration } = controller.run;
  const button = buttons(formToken);
  return await documentOf({
    title: 'Connections',
    script: signOfLife,
    body: html`<p class="gone" role="status">This page has ended. Run service-connection again to go on.</p>
${topBar(principal, button.form('end', {}, html`<button>Finish</button>`))}
<main class="wide">
<div class="intro">
<div><h1>Connections</h1>
<p>What sessions may reach as you. The tokens are in your own vault, and only sessions that are bound to you use them.</p></div>
<div class="actions">${button.form('check', {}, html`<button>Check all</button>`)}</div>
</div>
${view.flow === undefined ? '' : underWay(view.flow, configuration.services.get(view.flow.serviceName), button)}
${view.notice === undefined ? '' : noticeOnPage(view.notice)}
<ul class="services">
${view.services.map(({ service, state }, index) =>
  serviceCard(service, state, { allowed: mayUseService(principal, configuration, service), hue: index % hues }, button),
)}
</ul>
<p class="note">${
      view.examinedAt === undefined ? '' : html`Looked at ${timeOf(view.examinedAt)}. `
    }This page ends a minute after its tab is closed.</p>
</main>`,
  });
}

/** Forms of this browser's pages, each with the token that says so. */
export interface Buttons {
  form(act: string, fields: Readonly<Record<string, string>>, content: Markup): Markup;
}

/** Makes the forms of one browser. */
export function buttons(formToken: string): Buttons {
  return {
    form: (act, fields, content) => html`<form method="post" action="${act}">
<input type="hidden" name="token" value="${formToken}">
${Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}${content}</form>`,
  };
}

/** What is at the top of every page: whose it is. */
function topBar({ kind, label, issuer }: Principal, end: Markup | ''): Markup {
  const proof = kind === 'sso' ? `signed in at ${issuer.replace(/^https?:\/\//, '')}` : 'account of this machine';
  return html`<header class="bar"><div>
<div class="brand">${icon('key', 22)}service-connection</div>
<div class="person">${shown(label)}<small>${shown(proof)}</small></div>
${end}
</div></header>`;
}

/** How a notice looks on any page. */
function noticeOnPage({ look, title, facts = [], lines }: Notice): Markup {
  return html`<div class="notice ${look}" role="status">${icon(look, 20)}<div><strong>${shown(title)}</strong>
${facts.length === 0 ? '' : factsOf(facts)}${lines.map((line) => html`<p>${shown(line)}</p>`)}</div></div>`;
}

function underWay(flow: Flow, service: Service | undefined, button: Buttons): Markup {
  const title = service?.title ?? flow.serviceName;
  const stage = flow.stage();
  const question = stage.kind === 'asking' ? html`<a class="button primary" href="flow">Answer the question</a>` : '';
  const there =
    stage.kind === 'at the service' || stage.kind === 'leaving'
      ? html`<a class="button" href="${stage.start().href}">Continue at ${shown(title)}</a>`
      : '';
  return html`<div class="notice plain" role="status">${icon('wait', 20)}<div><strong>${shown(title)} is being connected</strong>
<p>${shown(whatItWaitsFor(stage))}</p>
<div class="actions">${question}${there}${button.form('cancel', {}, html`<button>Cancel</button>`)}</div></div></div>`;
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
  service: Service,
  state: ServiceState | undefined,
  { allowed, hue }: { allowed: boolean; hue: number },
  button: Buttons,
): Markup {
  const title = service.title ?? service.name;
  const { connection, status = 'unknown' } = state ?? {};
  const look = looks[status];
  return html`<li class="service" id="${service.name}">
<div class="mark hue${hue}" aria-hidden="true">${shown([...title][0]?.toUpperCase() ?? '')}</div>
<div><div class="name"><h2>${shown(title)}</h2><span class="state ${look}">${icon(look satisfies IconName, 13)}${status}</span></div>
<p class="summary">${shown(connection === undefined ? new URL(service.mcp_server_url).host : accountOf(connection))}</p></div>
<div class="actions">${actionsOf(service, state, allowed, button)}</div>
${connection === undefined || state === undefined ? '' : details(state, connection)}
</li>`;
}

function actionsOf(service: Service, state: ServiceState | undefined, allowed: boolean, button: Buttons): Markup {
  const title = service.title ?? service.name;
  const fields = { service: service.name };
  const named = (word: string) => html`${word}<span class="hidden"> ${shown(title)}</span>`;
  const there = state?.connection !== undefined;
  const needed = there && state.status !== 'connected' && state.status !== 'unknown' && state.next !== undefined;
  const connect = !allowed
    ? html`<p class="soft">You may not use it</p>`
    : button.form(
        'connect',
        fields,
        html`<button${needed || !there ? html` class="primary"` : ''}>${named(there ? 'Reconnect' : 'Connect')}</button>`,
      );
  if (!there) return connect;
  return html`${connect}
${button.form('check', fields, html`<button>${named('Check')}</button>`)}
<a class="button danger" href="disconnect?service=${encodeURIComponent(service.name)}">${named('Disconnect')}</a>`;
}

function details({ status, reason, next }: ServiceState, connection: Connection): Markup {
  const { scopes, connectedAt } = connection.record;
  const list = scopes?.split(' ').filter(Boolean) ?? [];
  const facts: [string, string | Markup][] = [];
  if (connectedAt !== undefined) facts.push(['Connected since', timeOf(connectedAt)]);
  if (connection.expiresAt !== undefined && !connection.refreshable)
    facts.push(['Until', timeOf(connection.expiresAt)]);
  facts.push(['Scopes', list.length === 0 ? 'none named' : scopesOf(list)]);
  return html`<div class="more">
${status === 'connected' ? '' : html`<p class="why">${shown(reason)}${next === undefined ? '' : html`<span class="soft"> · ${shown(next)}</span>`}</p>`}
${factsOf(facts)}</div>`;
}

/** How many scopes are shown before the rest is behind a click. */
const fewScopes = 6;

function scopesOf(list: readonly string[]): Markup {
  const items = html`<ul class="scopes">${list.map((scope) => html`<li><code>${shown(scope)}</code></li>`)}</ul>`;
  return list.length <= fewScopes ? items : html`<details><summary>${list.length} scopes</summary>${items}</details>`;
}

function accountOf({ record }: Connection): string {
  const { account, workspace, accountAccepted } = record;
  const named = [account, workspace].filter(Boolean).join(' · ') || 'an account that the service did not name';
  return accountAccepted === undefined ? named : `${named} (accepted by name)`;
}

/** A time to the minute, in the form of `list`; a record may say anything. */
function timeOf(time: Date | string): string {
  const text = typeof time === 'string' ? time : time.toISOString();
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) ? `${text.slice(0, 16).replace('T', ' ')} UTC` : shown(text);
}
