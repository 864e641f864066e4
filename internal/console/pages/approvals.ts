/** Approvals: every call that waits for whoever asks, in their own sessions and in those that the configuration has them answer for. */
import { html } from 'hono/html';
import { named, shown } from '../../markup/document.ts';
import { answerCallAt, askOf } from './asks.ts';
import { introduction } from './layout.ts';
import type { Asked, PageAnswer, PageRoute } from './page.ts';
import { timeOf } from './words.ts';

const home = '/approvals';

/** The rows of these pages. */
export const approvalsPages: readonly PageRoute[] = [
  { method: 'GET', path: home, audience: ['approver'], inNavigation: 'Approvals', answer: showAll },
  {
    method: 'POST',
    path: '/approvals/answer',
    audience: ['approver'],
    answer: (asked) => answerCallAt(asked, asked.form.get('session') ?? '', home),
  },
];

async function showAll(asked: Asked): Promise<PageAnswer> {
  const { result } = await asked.perform('listApprovals', { watch: false });
  return {
    title: result.asks.length === 0 ? 'Approvals' : `Approvals (${result.asks.length})`,
    body: html`${introduction(
      'Approvals',
      'Calls that wait for you. A yes lets exactly what is shown happen, once, with the connections of the session’s owner.',
      html`<a class="button" href="${home}">Look again</a>`,
    )}
<div data-approvals>${
      result.asks.length === 0
        ? html`<p class="soft">Nothing waits for you.</p>`
        : html`<h2 class="hidden">What waits</h2><ul class="cards">${result.asks.map(
            ({ agent, owner, as, yeses, approvers, ...ask }) =>
              askOf(
                asked,
                { ...ask, noYes: as === 'owner' && approvers !== null ? `takes ${approvers}, not its owner` : null },
                '/approvals/answer',
                html`<p class="summary">Agent ${named(agent)}, ${as === 'owner' ? 'your session' : html`session of ${owner === null ? 'nobody' : named(owner.subject)}`} <code>${shown(ask.session_id)}</code></p>
${yeses.map(({ by, until }) => html`<p class="soft">${named(by)} said yes, which waits for another until ${timeOf(until)}.</p>`)}`,
              ),
          )}</ul>`
    }</div>`,
  };
}
