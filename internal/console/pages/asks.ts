/** A call that waits for a yes or no, as somebody sees it who is to decide, and what they decide. */
import { html } from 'hono/html';
import { type Markup, named, sentence, shown } from '../../markup/document.ts';
import { harmlessJson } from '../../text/quote.ts';
import type { Asked, PageAnswer, RequestOf } from './page.ts';
import { failed } from './words.ts';

/** One that waits. */
export interface Ask {
  session_id: string;
  event_id: string;
  service: string | null;
  tool: string | null;
  arguments: unknown;
  /** Null where nobody can see the arguments who looks: then there is nothing to say yes to. */
  digest: string | null;
  /** Why whoever looks cannot say yes to it; null where they can. */
  noYes: string | null;
}

/** What waits, whole, with what can be said to it by whoever asks. `about` stands above the arguments. */
export function askOf(asked: Asked, ask: Ask, action: string, about: Markup | '' = ''): Markup {
  const { service, tool, digest, noYes, event_id: call } = ask;
  const name = `${service ?? ''} ${tool ?? call}`;
  return html`<li class="card ask" id="${call}"><div>
<div class="name"><h3>${named(name)}</h3></div>
${about}
${digest === null ? html`<p class="why">Its arguments cannot be shown to you, so you can only say no.</p>` : html`<p class="soft">With exactly these arguments:</p><pre tabindex="0" aria-label="arguments of ${shown(name)}"><code>${harmlessJson(ask.arguments ?? {})}</code></pre>`}
${noYes === null ? '' : html`<p class="why">Yes: ${sentence(noYes)}.</p>`}
</div>${formsOf(asked, ask, action)}</li>`;
}

function formsOf({ buttons, may }: Asked, ask: Ask, action: string): Markup | '' {
  if (!may('answerCall')) return html`<p class="soft">Somebody with the role approver answers it.</p>`;
  const { session_id: session, event_id: call, digest, service, tool, noYes } = ask;
  const name = html`<span class="hidden"> to ${shown(`${service ?? ''} ${tool ?? call}`)}</span>`;
  const said = { session, call, ...(digest !== null && { digest }) };
  const custom = service === 'custom';
  const mayYes = digest !== null && noYes === null;
  const why = `why-${call}`;
  return html`<div class="actions">${
    !mayYes
      ? ''
      : custom
        ? buttons.form(
            action,
            { ...said, answer: 'result' },
            html`<label for="result-${call}">Its result</label><input id="result-${call}" name="text" required><button class="primary">Give it${name}</button>`,
          )
        : buttons.form(action, { ...said, answer: 'yes' }, html`<button class="primary">Yes${name}</button>`)
  }${buttons.form(
    action,
    { ...said, answer: 'no' },
    html`<label class="hidden" for="${why}">Why not</label><input id="${why}" name="text" placeholder="Why not" maxlength="500"> <button class="danger">No${name}</button>`,
  )}</div>`;
}

/** Gives the answer of a form to a call of a session, and says how that went. */
export async function answerCallAt(asked: Asked, session: string, to: string): Promise<PageAnswer> {
  const { form, perform } = asked;
  const [kind, call, digest] = [form.get('answer'), form.get('call') ?? '', form.get('digest')];
  const text = (form.get('text') ?? '').trim();
  const answers: Readonly<Record<string, RequestOf<'answerCall'>['answer']>> = {
    yes: { kind: 'yes' },
    no: { kind: 'no', reason: text === '' ? 'no' : text },
    result: { kind: 'result', text },
  };
  const answer = answers[kind ?? ''];
  if (answer === undefined) return { to };
  try {
    const request = { session, call, answer, ...(digest !== undefined && { digest }) };
    const { result, warnings } = await perform('answerCall', request);
    const name = `${result.service ?? ''} ${result.tool ?? ''}`;
    const words = { yes: 'You said yes to', no: 'You said no to', result: 'You gave the result of' }[result.answer];
    const waits = result.waits_until;
    const title = result.already
      ? `${JSON.stringify(name)} was answered before: ${result.answer}`
      : `${words} ${JSON.stringify(name)}`;
    const more = waits === undefined ? [] : [`Another person has to say yes as well, until ${waits}.`];
    return {
      to,
      said: { look: waits === undefined ? 'ok' : 'plain', title, lines: waits === undefined ? [...warnings] : more },
    };
  } catch (error) {
    return { to, said: failed('That was not answered', error) };
  }
}
