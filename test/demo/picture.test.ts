import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { readRuns } from './ansi.ts';
import { story } from './story.ts';
import { drawTerminal } from './svg.ts';

test('the picture in docs shows the story as it is told now', async () => {
  const picture = await readFile(new URL('../../docs/demo.svg', import.meta.url), 'utf8');
  const sentences = story.flatMap(({ title, steps }) => [title, ...steps.flatMap(({ told, proof }) => [told, proof])]);
  const texts = [...picture.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
  // Out of date? npx tsx test/demo/picture.ts
  expect(texts).toEqual(expect.arrayContaining(sentences));
});

describe('terminal output', () => {
  test('is read into runs of one style', () => {
    expect(readRuns('a\u001b[1mb\u001b[32mc\u001b[22m\u001b[39md')).toEqual([
      { text: 'a', bold: false, dim: false, colour: undefined },
      { text: 'b', bold: true, dim: false, colour: undefined },
      { text: 'c', bold: true, dim: false, colour: 'green' },
      { text: 'd', bold: false, dim: false, colour: undefined },
    ]);
  });

  test.each(['\u001b[2J', '\u001b[5m', '\u001b]0;title\u0007'])(
    'is not drawn where it does more than colour: %j',
    (line) => {
      expect(() => readRuns(line)).toThrow();
    },
  );

  test('is drawn in columns, and never as markup', () => {
    const drawing = drawTerminal('  \u001b[31m<b>\u001b[39m  & on\n', 'a "title"');
    expect(drawing).toContain('<title>a &#34;title&#34;</title>');
    expect(drawing).toContain('<text x="36.8" y="34" textLength="25.2" class="red">&#60;b&#62;</text>');
    expect(drawing).toContain('<text x="78.8" y="34" textLength="33.6">&#38; on</text>');
  });
});
