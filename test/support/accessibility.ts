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
