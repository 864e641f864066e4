/** How somebody uses a page: with a mouse, or with the keyboard alone. Either finds things by the words that people read. */
import type { Page } from 'playwright-core';
import { tabTo, tabToElement } from './keyboard.ts';

/** What a person does at a page. */
export interface Hands {
  /** Presses the button, or follows the link, that begins with these words. */
  press(page: Page, words: string): Promise<void>;
  /** Types into the field that is called so. */
  type(page: Page, words: string, text: string): Promise<void>;
  /** Chooses one of several, or ticks one, by the name and the value that its field has. */
  choose(page: Page, name: string, value: string): Promise<void>;
}

/** Somebody with a mouse. */
export const withMouse: Hands = {
  async press(page, words) {
    await page
      .locator('button, a')
      .filter({ hasText: beginning(words) })
      .first()
      .click();
  },
  async type(page, words, text) {
    await page.getByLabel(beginning(words)).fill(text);
  },
  async choose(page, name, value) {
    await page.locator(`input[name="${name}"][value="${value}"]`).check();
  },
};

/** Somebody with a keyboard: Tab goes on, Enter presses, Space ticks, and the arrows go from one choice of a group to the next. */
export const withKeyboard: Hands = {
  async press(page, words) {
    await tabTo(page, words);
    // The next key is for what comes of this one: another page, or a download that leaves this one there.
    const come = new Promise<void>((resolve) => {
      page.once('load', () => resolve());
      page.once('download', () => resolve());
    });
    await page.keyboard.press('Enter');
    await come;
  },
  async type(page, words, text) {
    await tabTo(page, words);
    await page.keyboard.type(text);
  },
  async choose(page, name, value) {
    const field = `input[name="${name}"]`;
    await tabToElement(page, field);
    const wanted = page.locator(`${field}[value="${value}"]`);
    if ((await wanted.getAttribute('type')) === 'checkbox') return await page.keyboard.press('Space');
    const mostChoices = await page.locator(field).count();
    for (let steps = 0; steps < mostChoices && !(await wanted.isChecked()); steps += 1) {
      await page.keyboard.press('ArrowDown');
    }
  },
};

function beginning(words: string): RegExp {
  return new RegExp(`^\\s*${words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`);
}
