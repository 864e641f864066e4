/** What axe-core finds on a page that a browser shows: the rules of WCAG 2.2 A and AA, and what axe counts as good practice. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';

const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Each violation in a line: rule, impact, and the places; what axe cannot judge by itself is none. */
export async function violationsOn(page: Page): Promise<string[]> {
  // Evaluated by the DevTools protocol: the page's own policy lets no script in.
  await page.evaluate(axe.source);
  return (await page.evaluate(`axe.run(document, { runOnly: ${JSON.stringify(tags)} }).then(({ violations }) =>
    violations.map(({ id, impact, nodes }) => id + ' (' + impact + '): ' + nodes.map(({ target, failureSummary }) =>
      target.join(' ') + ': ' + failureSummary.replace(/\\s+/g, ' ')).join(' | ')))`)) as string[];
}

/**
 * The words of headings that are parted in the middle: none of ours is, at any size of text, and none from outside that a line
 * has room for. Whoever reads a word in two lines takes it for two.
 */
export async function partedWordsOn(page: Page): Promise<string[]> {
  return (await page.evaluate(partedWords)) as string[];
}

// An expression: it is evaluated in the browser. No word of ours is longer than 14 letters; a line may end behind a hyphen.
const partedWords = `[...document.querySelectorAll('h1, h2, h3, legend')].flatMap((heading) => {
  const { paddingLeft, paddingRight } = getComputedStyle(heading);
  const room = heading.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
  const texts = document.createTreeWalker(heading, NodeFilter.SHOW_TEXT);
  const words = [];
  while (texts.nextNode())
    for (const { 0: word, index } of texts.currentNode.data.matchAll(/[^\\s-]+/g))
      words.push({ text: texts.currentNode, word, index });
  return words.flatMap(({ text, word, index }) => {
    const range = document.createRange();
    range.setStart(text, index);
    range.setEnd(text, index + word.length);
    if (new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size < 2) return [];
    const whole = document.createElement('span');
    whole.style.cssText = 'position: absolute; visibility: hidden; white-space: nowrap; hyphens: none';
    whole.textContent = word;
    heading.append(whole);
    const { width } = whole.getBoundingClientRect();
    whole.remove();
    return word.length <= 14 || width <= room ? [word + ': ' + Math.round(width) + ' px where there are ' + Math.round(room)] : [];
  });
})`;

/** What is wider than the screen, by the names of its elements; nothing where nobody has to scroll to the side. */
export async function tooWideOn(page: Page): Promise<string[]> {
  return (await page.evaluate(`document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('*')]
    .filter((each) => each.getBoundingClientRect().right > innerWidth + 0.5)
    .map((each) => each.localName + (each.className && '.' + String(each.className).replaceAll(' ', '.')) + ' ' + Math.round(each.getBoundingClientRect().right))`)) as string[];
}
