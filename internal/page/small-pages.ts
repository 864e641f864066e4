/** The pages between the buttons: a question, a wait, an end. */
import { html } from 'hono/html';
import type { Service } from '../config/definitions.ts';
import type { Connection } from '../connection/credentials.ts';
import { documentOf, factsOf, type Markup, shown } from '../markup/document.ts';
import { type IconName, icon } from '../markup/icons.ts';
import type { Flow } from './flow.ts';
import type { Look } from './notice.ts';
import { buttons, signOfLife, whatItWaitsFor } from './services-page.ts';

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
    script: signOfLife,
    content: html`<p class="next">Its tokens are destroyed, and sessions of yours can no longer use it. What ${shown(title)} itself granted is ended there, in the connected apps of the account.</p>
${factsOf(facts)}
<div class="actions">${buttons(formToken).form('disconnect', { service: service.name }, html`<button class="grave">Disconnect</button>`)}
<a class="button" href="./">Keep it</a></div>`,
  });
}

/** Asks what the terminal would ask, such as whether another account may take the place of the connected one. */
export function questionPage(title: string, question: string, formToken: string): Promise<string> {
  const { form } = buttons(formToken);
  return smallPage({
    look: 'warn',
    title: `${title}: is this right?`,
    script: signOfLife,
    content: html`<p>${shown(question)}</p>
<div class="actions">${form('answer', { answer: 'yes' }, html`<button class="primary">Yes, change it</button>`)}
${form('answer', { answer: 'no' }, html`<button>No, keep what is there</button>`)}</div>`,
  });
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
    refreshSeconds: 2,
    script: signOfLife,
    content: html`<p>${shown(whatItWaitsFor(stage))}</p>
<p class="next">This page goes on by itself as soon as it is known how it ended.</p>
<div class="actions">${there}${buttons(formToken).form('cancel', {}, html`<button>Cancel</button>`)}</div>`,
  });
}

export function endPage(): Promise<string> {
  return smallPage({
    look: 'ok',
    title: 'That is all',
    content: html`<p class="next">The command has ended; the terminal says what was done. You can close this tab.</p>`,
  });
}

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
    body: html`<div class="narrow"><main>
<div class="badge ${look}">${icon(picture, 28)}</div>
<h1>${shown(title)}</h1>
${content}
</main></div>`,
  });
}
