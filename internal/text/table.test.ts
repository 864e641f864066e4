import { expect, test } from 'vitest';
import { isOfOddWidth, type Layout, tableText } from './table.ts';

const heading = ['service', 'why', 'next'];
const rows = [
  ['notion', 'the service does not take the token any more', 'service-connection notion'],
  ['slack', 'it works', '-'],
];
const laidOut = (layout: Layout) => tableText({ heading, rows }, layout).split('\n');

test('columns are as wide as their widest cell, and no line ends in spaces', () => {
  const text = tableText({
    heading: ['a', 'name', 'c'],
    rows: [
      ['1', 'x', ''],
      ['22', 'longer', 'z'],
    ],
  });
  expect(text).toBe(['a   name    c', '1   x', '22  longer  z'].join('\n'));
});

test.each([undefined, 30])('without rows there is the heading, in %s columns', (columns) => {
  const long = 'x'.repeat(40);
  expect(tableText({ heading: ['a', long], rows: [] }, { columns })).toBe(`a  ${long}`);
});

test('where no terminal is, and where there is room, nothing is broken', () => {
  const [, notion] = laidOut({});
  expect(notion).toBe('notion   the service does not take the token any more  service-connection notion');
  expect(laidOut({ columns: 80 })).toEqual(laidOut({}));
  expect(laidOut({ columns: 79 })).not.toEqual(laidOut({}));
});

test('on a narrower terminal the widest column gives way, between words', () => {
  expect(laidOut({ columns: 64 })).toEqual([
    'service  why                           next',
    'notion   the service does not take     service-connection notion',
    '         the token any more',
    'slack    it works                      -',
  ]);
});

test('where a word would have to be broken, each row stands for itself, and everything is there', () => {
  expect(laidOut({ columns: 32 })).toEqual([
    'service  notion',
    'why      the service does not take the token any more',
    'next     service-connection notion',
    '',
    'service  slack',
    'why      it works',
    'next     -',
  ]);
});

test('no line is wider than the terminal while words fit, and no word is lost', () => {
  for (let columns = 46; columns < 90; columns += 1) {
    const lines = laidOut({ columns });
    expect(Math.max(...lines.map(({ length }) => length)), `${columns}`).toBeLessThanOrEqual(columns);
    const words = (texts: readonly string[]) => texts.flatMap((text) => text.split(/\s+/)).sort();
    expect(words(lines).filter((word) => word !== '')).toEqual(words([...heading, ...rows.flat()]));
  }
});

test('a terminal that says it has no width is none', () => {
  for (const columns of [0, 1, 19]) expect(laidOut({ columns })).toEqual(laidOut({}));
});

test('what is measured decides where columns begin', () => {
  const rows = [
    ['山田', 'x'],
    ['ab', 'y'],
  ];
  const text = tableText({ heading: ['n', 'v'], rows }, { widthOf: (cell) => (cell === '山田' ? 4 : cell.length) });
  expect(text).toBe('n     v\n山田  x\nab    y');
});

test.each([
  ['Zoë Łukasz Ольга … – plain', false],
  ['山田', true],
  ['🙂', true],
  ['e\u0301', true],
])('%s is of odd width: %s', (text, odd) => expect(isOfOddWidth(text)).toBe(odd));
