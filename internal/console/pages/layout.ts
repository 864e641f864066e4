/** What is around every page of the console: whose it is, where one can go, and what went wrong. */
import { html } from 'hono/html';
import { documentOf, type Markup, named, sentence, shown } from '../../markup/document.ts';
import { icon } from '../../markup/icons.ts';
import { style } from '../../markup/style.ts';
import { sha256 } from '../../text/canonical.ts';
import type { WireError } from '../protocol.ts';
import type { Asked, Said } from './page.ts';
import { pagesScript } from './script.ts';
import { pagesStyle } from './style.ts';
import { usableHint } from './words.ts';

const hashOf = (text: string) => `'sha256-${sha256(text, 'base64')}'`;

/**
 * Nothing is loaded but what is in the page, and forms go to the console alone: browsers hold every step behind a form
 * against `form-action`, so what leaves for elsewhere does so by a link or a page that goes on by itself.
 */
export const pageHeaders: Readonly<Record<string, string>> = {
  // No proxy on the way keeps, compresses or holds back a page of somebody.
  'cache-control': 'no-store, no-transform',
  'content-security-policy': [
    "default-src 'none'",
    `style-src ${hashOf(style)} ${hashOf(pagesStyle)}`,
    `script-src ${hashOf(pagesScript)}`,
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  // Not `no-referrer`: with it, browsers say `Origin: null` for our own forms.
  'referrer-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
};

/** An entry of the navigation. */
export interface Entry {
  path: string;
  words: string;
}

/** A page of somebody. */
export interface Framed {
  title: string;
  body: Markup;
  asked: Pick<Asked, 'principal' | 'buttons'>;
  entries: readonly Entry[];
  /** Where it is, for the entry that is marked. */
  path: string;
  said?: Said | undefined;
  refreshSeconds?: number | undefined;
}

/** The whole document of a page. */
export async function framed({ title, body, asked, entries, path, said, refreshSeconds }: Framed): Promise<string> {
  const { principal, buttons } = asked;
  return await documentOf({
    title: `${said === undefined ? '' : `${said.title} · `}${title} · Console`,
    style: pagesStyle,
    script: pagesScript,
    ...(refreshSeconds !== undefined && { refreshSeconds }),
    body: html`<a class="skip" href="#content">Skip to the content</a>
<header class="bar"><div>
<div class="brand">${icon('key', 22)}Console</div>
<div class="person">${named(principal.label)} <small>${shown(principal.issuer.replace(/^https?:\/\//, ''))}</small></div>
${buttons.form('/sign-out', {}, html`<button>Sign out</button>`)}
</div>
${entries.length === 0 ? '' : navigation(entries, path)}</header>
<main class="wide" id="content" tabindex="-1">
${said === undefined ? '' : noticeOf(said)}
${body}
</main>`,
  });
}

function navigation(entries: readonly Entry[], path: string): Markup {
  const isHere = (entry: Entry) => path === entry.path || path.startsWith(`${entry.path}/`);
  return html`<nav aria-label="Pages"><ul>${entries.map(
    (entry) =>
      html`<li><a href="${entry.path}"${isHere(entry) ? html` aria-current="page"` : ''}>${entry.words}</a></li>`,
  )}</ul></nav>`;
}

/** How something ended. Whoever does not see the page is read it first: what was done leads to it. */
export function noticeOf({ look, title, lines = [] }: Said): Markup {
  return html`<div class="notice ${look}" id="said" role="region" tabindex="-1" aria-labelledby="said-title">${icon(look, 20)}<div><h2 id="said-title">${sentence(title)}</h2>
${lines.map((line) => html`<p>${sentence(line)}</p>`)}</div></div>`;
}

/** The head of a page: what it is, what it is about, and what can be done with all of it. */
export function introduction(title: string, words: string | Markup, actions: Markup | '' = ''): Markup {
  return html`<div class="intro"><div><h1>${shown(title)}</h1><p>${words}</p></div>${
    actions === '' ? '' : html`<div class="actions">${actions}</div>`
  }</div>`;
}

/** A page that says one thing, to whoever comes. */
export interface Small {
  look: 'ok' | 'bad' | 'warn' | 'plain';
  title: string;
  content: Markup;
  refresh?: { seconds: number; to: URL };
}

export async function smallPage({ look, title, content, refresh }: Small): Promise<string> {
  return await documentOf({
    title: `${title} · Console`,
    style: pagesStyle,
    script: pagesScript,
    ...(refresh !== undefined && { goesOn: refresh }),
    body: html`<div class="narrow"><main id="content">
<div class="badge ${look}">${icon(look, 28)}</div>
<h1>${sentence(title)}</h1>
${content}
</main></div>`,
  });
}

/** What went wrong, and the page of ours that whoever signs in anew comes back to. */
interface Failed {
  error: WireError;
  status: number;
  from: string;
}

/** What was refused or went wrong, with the id that whoever runs the console finds it by. */
export async function errorPage({ error, status, from }: Failed): Promise<string> {
  const [title, ways] = wordsOf(error, status, from);
  const hint = usableHint(error.hint);
  return await smallPage({
    look: 'bad',
    title,
    content: html`<p>${sentence(error.message)}</p>
${hint === undefined ? '' : html`<p class="next">${sentence(hint)}</p>`}
<p class="next"><small>${error.code}, request <code>${shown(error.id ?? '')}</code></small></p>
<div class="actions">${ways}</div>`,
  });
}

const home = html`<a class="button" href="/">Go to the first page</a>`;

function wordsOf({ code, requirement }: WireError, status: number, from: string): [title: string, ways: Markup] {
  const to = ['to', from] satisfies [string, string];
  if (requirement !== undefined) {
    const { acr = [], max_age: age } = requirement;
    const asked = new URLSearchParams([
      to,
      ...acr.map((each): [string, string] => ['acr', each]),
      ...(age ? [['max_age', age] satisfies [string, string]] : []),
    ]);
    return [
      'A better sign-in is needed',
      html`<a class="button primary" href="/sign-in?${asked.toString()}">Sign in again</a>${home}`,
    ];
  }
  if (code === 'sign_in_needed' || code === 'access_denied') {
    const address = `/sign-in?${new URLSearchParams([to]).toString()}`;
    return ['You are not signed in', html`<a class="button primary" href="${address}">Sign in</a>`];
  }
  if (status === 404) return ['There is nothing here', home];
  if (status === 403)
    return ['That is not for you', html`${home}<a class="button" href="/sign-in">Sign in as somebody else</a>`];
  if (status === 429) return ['That was too often', home];
  if (status >= 500) return ['That could not be done', home];
  return ['That did not work', home];
}
