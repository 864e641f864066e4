/** What long lists have: a form to find something, pages of a size that can be read, and rows. */
import { html } from 'hono/html';
import { type Markup, named, shown } from '../../markup/document.ts';
import { icon } from '../../markup/icons.ts';
import type { Said } from './page.ts';

/** The look of lists and of forms with fields. */
export const listsStyle = `
.filters { display: flex; flex-wrap: wrap; align-items: end; gap: .75rem; margin-bottom: 1.25rem }
.filters label, .field { display: grid; gap: .25rem; font-size: .875rem; font-weight: 550 }
.field { margin-bottom: 1rem; max-width: 38rem }
.field small, fieldset small { color: var(--soft); font-weight: 400 }
input, select, textarea { font: inherit; font-weight: 400; min-width: 0; min-height: 2.375rem; max-width: 100%; padding: .375rem .5rem; border: 1px solid var(--line-strong); border-radius: .5rem; background: var(--card); color: var(--text) }
input[type="checkbox"], input[type="radio"] { width: 1.125rem; height: 1.125rem; min-height: 0; margin: .1875rem .5rem 0 0; flex: none; accent-color: var(--accent) }
textarea { width: 100% }
fieldset { margin: 0 0 1rem; padding: .875rem 1rem; border: 1px solid var(--line); border-radius: .875rem; background: var(--card); min-width: 0 }
legend { padding: 0 .375rem; font-weight: 650 }
.choices { display: flex; flex-wrap: wrap; gap: .375rem 1.25rem }
.choices + .field { margin: .75rem 0 0 }
.choice { display: flex; align-items: flex-start; font-weight: 400; font-size: .9375rem; min-height: 1.5rem }
.rows { display: grid; gap: .5rem; margin: 0 0 1.5rem; padding: 0; list-style: none }
.rows > li { padding: .75rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem; min-width: 0 }
.rows .head { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem .625rem; font-weight: 600 }
.rows .head .soft { font-weight: 400; font-size: .9375rem }
.rows p { color: var(--soft); font-size: .875rem }
.group { margin: 1.5rem 0 .625rem; font-size: 1.125rem }
h3.group { margin: 1rem 0 .5rem; font-size: 1rem }
.group + p + form { margin-top: .75rem }
[role="status"] + :is(form, .rows, .services) { margin-top: .75rem }
.narrow-down { margin-bottom: 1.25rem }
.narrow-down form { margin: .75rem 0 0 }
.pager { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem; margin: 1rem 0 }
pre { margin: .5rem 0; padding: .75rem; border-radius: .5rem; background: var(--page); white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8125rem; line-height: 1.45 }
`;

/** One page of a list. */
export interface PageOf<Thing> {
  shown: readonly Thing[];
  page: number;
  pages: number;
}

/** The page of a list that a query asks for: the nearest that is there. */
export function pageOf<Thing>(things: readonly Thing[], asked: string | null | undefined, size: number): PageOf<Thing> {
  const pages = Math.max(1, Math.ceil(things.length / size));
  const page = numberIn(asked, pages);
  return { shown: things.slice((page - 1) * size, page * size), page, pages };
}

/** A number of a page; 1 for what is none. */
export function numberIn(asked: string | null | undefined, most: number): number {
  return /^[1-9]\d{0,5}$/.test(asked ?? '') ? Math.min(Number(asked), most) : 1;
}

/** Where one goes on in a list; nothing where all of it is there. */
export function pagerOf(
  path: string,
  query: URLSearchParams,
  { page, pages }: Omit<PageOf<unknown>, 'shown'>,
): Markup | '' {
  if (pages === 1) return '';
  const to = (other: number) => {
    const next = new URLSearchParams(query);
    next.set('page', String(other));
    return `${path}?${next}`;
  };
  return html`<nav class="pager" aria-label="Pages of this list">${
    page > 1 ? html`<a class="button" href="${to(page - 1)}">Back</a>` : ''
  }<span>Page ${page} of ${pages}</span>${page < pages ? html`<a class="button" href="${to(page + 1)}">Next</a>` : ''}</nav>`;
}

/** A form that leads to the same page with another query. */
export function filtersOf(path: string, fields: readonly (Markup | '')[], words = 'Show'): Markup {
  return html`<form class="filters" method="get" action="${path}" role="search">${fields}<button>${words}</button></form>`;
}

/** A field of a text. */
export function textField(words: string, name: string, value: string | null | undefined, type = 'text'): Markup {
  return html`<label>${words}<input type="${type}" name="${name}" value="${shown(value ?? '')}" autocomplete="off"></label>`;
}

/** A field of one of several. */
export function choiceField(
  words: string,
  name: string,
  value: string | null | undefined,
  choices: readonly (readonly [value: string, words: string])[],
): Markup {
  return html`<label>${words}<select name="${name}">${choices.map(
    ([each, called]) =>
      html`<option value="${each}"${each === (value ?? '') ? html` selected` : ''}>${shown(called)}</option>`,
  )}</select></label>`;
}

/** A box that can be ticked. */
export function tickField(name: string, words: Markup | string, isTicked: boolean): Markup {
  return html`<label class="choice"><input type="checkbox" name="${name}" value="on"${isTicked ? html` checked` : ''}><span>${words}</span></label>`;
}

/** A state in a word, with its picture. */
export function stateOf(look: Said['look'], words: string): Markup {
  return html`<span class="state ${look}">${icon(look, 13)}${words}</span>`;
}

/** The verdicts as people read them. */
export const verdictStates: Readonly<Record<'off' | 'ask' | 'auto' | 'on', Markup>> = {
  off: stateOf('plain', 'Off'),
  ask: stateOf('warn', 'Asks first'),
  auto: stateOf('ok', 'On where judged harmless'),
  on: stateOf('ok', 'On'),
};

/** The name of a tool. */
export function toolName(tool: string): Markup {
  return html`<code>${named(tool)}</code>`;
}

/** A time to the minute. */
export function timeOf(time: string): string {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(time) ? `${time.slice(0, 16).replace('T', ' ')} UTC` : shown(time);
}

/** A file to keep. Each look at it is a new answer: the page that offers it can be asked twice. */
export function download(name: string, type: string, text: string): { readonly raw: Response } {
  return {
    get raw() {
      return new Response(text, {
        headers: { 'content-type': `${type}; charset=utf-8`, 'content-disposition': `attachment; filename="${name}"` },
      });
    },
  };
}
