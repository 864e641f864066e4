/** Lists of tools that go on for ever, each in its own way. */

const tool = (name: string) => ({ name, description: 'Searches.', inputSchema: { type: 'object' } });

/** How each goes on, after how many pages it is known, and the page that is at a cursor. */
export const pagesWithoutEnd: [how: string, pages: number, page: (cursor: string | undefined) => object][] = [
  ['the same cursor again', 2, () => ({ tools: [tool('notion-search')], nextCursor: 'more' })],
  [
    'a circle of three',
    4,
    (cursor = '0') => ({ tools: [tool(`t${cursor}`)], nextCursor: `${(Number(cursor) + 1) % 3}` }),
  ],
  ['an empty cursor', 2, () => ({ tools: [tool('notion-search')], nextCursor: '' })],
  [
    'another cursor each time',
    200,
    (cursor = '0') => ({ tools: [tool(`t${cursor}`)], nextCursor: `${Number(cursor) + 1}` }),
  ],
  ['pages of nothing', 200, (cursor = '0') => ({ tools: [], nextCursor: `${Number(cursor) + 1}` })],
];
