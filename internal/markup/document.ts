/** HTML of ours: one document around every page, and the only two ways in which a text becomes part of one. */
import { html, raw } from 'hono/html';
import { visible } from '../text/quote.ts';
import { style } from './style.ts';

/** A piece of HTML, its values escaped. */
export type Markup = ReturnType<typeof html>;

/** A page: what its tab is called, what is in it, and what the browser does with it. */
export interface Page {
  title: string;
  body: Markup;
  /** What the look of every page does not have; a constant, so that its digest can stand in the policy. */
  style?: string;
  /** A script of ours; a constant as well. */
  script?: string;
  /** Loads the page again after so many seconds, in a browser that runs no script: a reload takes the focus away. */
  refreshSeconds?: number;
  /** Goes to another place after so many seconds, with or without a script. */
  goesOn?: { seconds: number; to: URL };
}

/** A whole document. Nothing of it is fetched from anywhere. */
export async function documentOf({ title, body, style: more, script, refreshSeconds, goesOn }: Page): Promise<string> {
  const again =
    refreshSeconds === undefined
      ? ''
      : html`<noscript><meta http-equiv="refresh" content="${refreshSeconds}"></noscript>`;
  return String(
    await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
${again}${
  goesOn === undefined ? '' : html`<meta http-equiv="refresh" content="${goesOn.seconds};url=${goesOn.to.href}">`
}
<title>${shown(title)}</title>
<style>${raw(style)}</style>${more === undefined ? '' : html`<style>${raw(more)}</style>`}
</head>
<body>
${body}
${script === undefined ? '' : html`<script>${raw(script)}</script>`}
</body>
</html>
`,
  );
}

/** A text from anywhere as a value in {@link Markup}: what would steer a reader is made visible (P9); the template escapes. */
export function shown(text: string): string {
  return visible(text);
}

/** A name from outside, which is read from left to right or from right to left as its own letters are, and so is what follows. */
export function named(text: string): Markup {
  return html`<bdi>${visible(text)}</bdi>`;
}

/** A sentence of ours; what it quotes is from outside, and is read in its own direction ({@link named}). */
export function sentence(text: string): Markup {
  const pieces = visible(text).split(/("(?:[^"\\]|\\.)*")/);
  return html`${pieces.map((piece, index) => (index % 2 === 1 ? html`<bdi>${piece}</bdi>` : piece))}`;
}

/** Names and values below each other, or side by side where there is room. */
export function factsOf(facts: readonly (readonly [name: string, value: string | Markup])[]): Markup {
  return html`<dl class="facts">${facts.map(
    ([name, value]) =>
      html`<div><dt>${shown(name)}</dt><dd>${typeof value === 'string' && !isMarkup(value) ? named(value) : value}</dd></div>`,
  )}</dl>`;
}

function isMarkup(value: string): boolean {
  return 'isEscaped' in Object(value);
}
