/** Somebody without a mouse. */
import type { Page } from 'playwright-core';

const mostSteps = 200;

/** Goes on with Tab until what has the focus begins with these words, by itself or by its label, and can be seen to have it. */
export async function tabTo(page: Page, words: string): Promise<void> {
  await tabUntil(page, words, `${wordsOfFocus}.startsWith(${JSON.stringify(words)})`);
}

/** The same, until it is what a selector of CSS stands for: where several things have the same words. */
export async function tabToElement(page: Page, selector: string): Promise<void> {
  await tabUntil(page, selector, `document.activeElement.matches(${JSON.stringify(selector)})`);
}

async function tabUntil(page: Page, what: string, isThere: string): Promise<void> {
  for (let steps = 0; steps < mostSteps; steps += 1) {
    if ((await page.evaluate(isThere)) === true) {
      if ((await page.evaluate(isFocusSeen)) !== true) throw new Error(`nobody sees that ${what} has the focus`);
      return;
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`${what} is not reached by the keyboard`);
}

// Expressions: they are evaluated in the browser. Nothing is read of a page that has no focus.
const wordsOfFocus = `(document.activeElement === document.body ? ''
  : (document.activeElement?.labels?.[0] ?? document.activeElement)?.textContent ?? '').replace(/\\s+/g, ' ').trim()`;
const isFocusSeen = `(() => {
  const { activeElement } = document;
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(activeElement);
  const { width, height } = activeElement.getBoundingClientRect();
  const isDrawn = (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none';
  return activeElement.matches(':focus-visible') && width > 0 && height > 0 && isDrawn;
})()`;
