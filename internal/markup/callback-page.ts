/** The page that the browser is left with when a sign-in comes back to a command. Its words are the command's own. */
import { html } from 'hono/html';
import { documentOf, factsOf, shown } from './document.ts';
import { type IconName, icon } from './icons.ts';

/** How it ended, for the person in front of the browser. */
export interface Outcome {
  ok: boolean;
  /** What happened, in a few words; general ones where left out. */
  title?: string | undefined;
  /** What is worth knowing of it: names and values. */
  facts?: readonly (readonly [name: string, value: string])[] | undefined;
  /** What comes next; general words where left out. */
  next?: string | undefined;
}

/** The page for an outcome, or for none so far. */
export async function callbackPage(outcome: Outcome | undefined): Promise<string> {
  const [look, title, next] = wordsOf(outcome);
  const { facts = [] } = outcome ?? {};
  return await documentOf({
    title,
    body: html`<div class="narrow"><main>
<div class="badge ${look === 'wait' ? 'plain' : look}">${icon(look, 28)}</div>
<h1>${shown(title)}</h1>
${facts.length === 0 ? '' : factsOf(facts)}
<p class="next">${shown(next)}</p>
</main></div>`,
  });
}

function wordsOf(outcome: Outcome | undefined): [look: IconName, title: string, next: string] {
  if (outcome === undefined) {
    return ['wait', 'Still working', 'The terminal shows how it goes on. You can close this tab.'];
  }
  return outcome.ok
    ? ['ok', outcome.title ?? 'Done', outcome.next ?? 'You can close this tab and go back to the terminal.']
    : ['bad', outcome.title ?? 'That did not work', outcome.next ?? 'The terminal says why and what to do next.'];
}
