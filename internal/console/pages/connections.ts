/** My connections: every catalogued service, how it stands with it, and why. */
import { html } from 'hono/html';
import { factsOf, type Markup, named, sentence, shown } from '../../markup/document.ts';
import { icon } from '../../markup/icons.ts';
import { introduction } from './layout.ts';
import type { PageRoute, ResultOf } from './page.ts';

type State = ResultOf<'listConnections'>['services'][number];

/** The rows of these pages. */
export const connectionsPages: readonly PageRoute[] = [
  {
    method: 'GET',
    path: '/connections',
    audience: ['user'],
    inNavigation: 'My connections',
    async answer({ perform }) {
      const { result } = await perform('listConnections', {});
      return {
        title: 'My connections',
        body: html`${introduction('My connections', 'What sessions may reach as you. The tokens are in your own vault, and only sessions that are bound to you use them.')}
<ul class="services">${result.services.map((state, index) => card(state, index))}</ul>`,
      };
    },
  },
];

const looks = {
  connected: ['ok', 'Connected'],
  'needs-reconnect': ['bad', 'Reconnect'],
  expired: ['bad', 'Expired'],
  'missing-scopes': ['warn', 'Scopes missing'],
  'wrong-account': ['warn', 'Another account'],
  unknown: ['plain', 'Not known'],
  'not-connected': ['plain', 'Not connected'],
} as const;

const hues = 6;

function card(state: State, index: number): Markup {
  const { title, account, workspace, reason, scopes, connected_at: since, status } = state;
  const [look, words] = looks[status];
  const names = [account, workspace].filter((name) => name !== null && name !== '');
  const facts: [string, string][] = [
    ...(since === null ? [] : [['Connected since', since] as [string, string]]),
    ...(scopes.length === 0 ? [] : [['Scopes', scopes.join(' ')] as [string, string]]),
  ];
  return html`<li class="service" id="${state.service}">
<div class="mark hue${index % hues}" aria-hidden="true">${shown([...title][0]?.toUpperCase() ?? '')}</div>
<div><div class="name"><h2>${shown(title)}</h2><span class="state ${look}">${icon(look, 13)}${words}</span></div>
<p class="summary">${names.map((name, at) => html`${at === 0 ? '' : ' · '}${named(name ?? '')}`)}</p></div>
<div class="actions"></div>
${
  status === 'not-connected'
    ? ''
    : html`<div class="more">${status === 'connected' ? '' : html`<p class="why">${sentence(reason)}</p>`}${factsOf(facts)}</div>`
}
</li>`;
}
