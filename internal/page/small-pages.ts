/** The pages between the buttons: a question, a wait, an end. */
import { html } from 'hono/html';
import type { Service } from '../config/definitions.ts';
import type { Connection } from '../connection/credentials.ts';
import { documentOf, factsOf, type Markup, sentence, shown } from '../markup/document.ts';
import { type IconName, icon } from '../markup/icons.ts';
import type { Answer, Flow, Stage } from './flow.ts';
import type { Look } from './notice.ts';
import { pageScript } from './page-script.ts';
import { buttons, whatItWaitsFor, whereItEnds } from './services-page.ts';

/** Asks before a connection is taken out. Nothing has happened yet. */
export function disconnectPage(
  service: Service,
  connection: Connection | undefined,
  formToken: string,
): Promise<string> {
  const title = service.title ?? service.name;
  const { account, workspace } = connection?.record ?? {};
  const facts: [string, string][] = [['Service', title]];
  if (account !== undefined) facts.push(['Account', account]);
  if (workspace !== undefined) facts.push(['Workspace', workspace]);
  return smallPage({
    look: 'warn',
    title: `Disconnect ${title}?`,
    script: pageScript,
    content: html`<p class="next">Its tokens are destroyed, and sessions of yours can no longer use it. What ${shown(title)} itself granted is ended there, in the connected apps of the account.</p>
${factsOf(facts)}
<div class="actions">${buttons(formToken).form('disconnect', { service: service.name }, html`<button class="grave">Disconnect</button>`)}
<a class="button" href="./">Keep it</a></div>`,
  });
}

/**
 * Asks what the terminal would ask: whether another account may take the place of the connected one, or is to be stored
 * although the rule of the service's file does not want it.
 */
export function questionPage(
  title: string,
  { question, about, id }: Extract<Stage, { kind: 'asking' }>,
  formToken: string,
): Promise<string> {
  const { form } = buttons(formToken);
  const answer = (given: Answer, words: Markup) => form('answer', { question: id, answer: given }, words);
  const again = answer('again', html`<button>Choose another account</button>`);
  const content =
    about === 'change'
      ? html`<p>${sentence(question)}</p>
<div class="actions">${answer('yes', html`<button class="primary">Yes, change it</button>`)}
${answer('no', html`<button>No, keep what is there</button>`)}
${again}</div>`
      : html`<p>${sentence(question)}.</p>
<p class="next">Nothing is stored yet. Use it only where this account is meant; sign out at ${shown(title)} first where it lets you choose no other one.</p>
<div class="actions">${answer('again', html`<button class="primary">Choose another account</button>`)}
${answer('yes', html`<button>Use this account anyway</button>`)}
${answer('no', html`<button>Store nothing</button>`)}</div>`;
  return smallPage({ look: 'warn', title: `${title}: is this right?`, script: pageScript, content });
}

/** Shown while a flow goes on without the person, or waits for them at the service. */
export function waitingPage(title: string, flow: Flow, formToken: string): Promise<string> {
  const stage = flow.stage();
  const there =
    stage.kind === 'at the service' || stage.kind === 'leaving'
      ? html`<a class="button" href="${stage.start().href}">Continue at ${shown(title)}</a>`
      : '';
  return smallPage({
    look: 'plain',
    icon: 'wait',
    title: `Connecting ${title}`,
    refreshSeconds: 5,
    script: pageScript,
    content: html`<p id="going" role="status">${sentence(whatItWaitsFor(stage))}</p>
<p class="next">This page goes on by itself as soon as it is known how it ended; where it does not, press Look again.</p>
<div class="actions">${there}<a class="button" href="flow">Look again</a>${buttons(formToken).form('cancel', {}, html`<button>Cancel</button>`)}</div>`,
  });
}

export function endPage(): Promise<string> {
  return smallPage({
    look: 'ok',
    title: 'That is all',
    content: html`<p class="next">The command has ended; the terminal says what was done. You can close this tab.</p>`,
  });
}

/** What is said with a status where nothing else is: never whose page it is, nor what was sent. */
export function refusalPage(status: RefusalStatus): Promise<string> {
  return smallPage({
    look: 'bad',
    title: refusals[status],
    content: html`<p class="next">Nothing was done. Go back to the page of service-connection, load it again and press its button there.</p>`,
  });
}

/** The statuses that the routes refuse with. */
export type RefusalStatus = 400 | 403 | 404 | 413 | 415 | 500;

const refusals: Record<RefusalStatus, string> = {
  400: 'That was no answer to what is asked',
  403: 'That did not come from this page',
  404: 'There is nothing here',
  413: 'That was too much for a form',
  415: 'That was no form of this page',
  500: 'Something went wrong here',
};

/** For a browser that was not let in. It says nothing of anybody. */
export function strangerPage(): Promise<string> {
  return smallPage({
    look: 'bad',
    title: 'This address does not open anything here',
    content: html`<p class="next">Its secret was used already, or it belongs to another browser. Go back to the tab that was opened first, or run service-connection again.</p>`,
  });
}

/** For everybody who is at a page that more than one browser claims. */
export function contestedPage(): Promise<string> {
  return smallPage({
    look: 'bad',
    title: 'This page was ended',
    content: html`<p class="next">Its address, or that of a sign-in from it, was opened in more than one place. If you opened each once only, somebody else tried to take your place: the terminal says more. Run service-connection again there.</p>`,
  });
}

interface SmallPage {
  look: Look;
  icon?: IconName;
  title: string;
  content: Markup;
  script?: string;
  refreshSeconds?: number;
}

function smallPage({ look, icon: picture = look, title, content, ...rest }: SmallPage): Promise<string> {
  return documentOf({
    title,
    ...rest,
    body: html`${rest.script === undefined ? '' : whereItEnds}<div class="narrow"><main>
<div class="badge ${look}">${icon(picture, 28)}</div>
<h1>${shown(title)}</h1>
${content}
</main></div>`,
  });
}
