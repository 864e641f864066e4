import { expect, it } from 'vitest';
import { readScript } from './agent-script.ts';

it('reads the calls of a message in their order and skips prose', () => {
  const text =
    'Please do this:\n  call notion notion-search {"query": "x y"}\ncall builtin bash\nThank you, call me later';
  expect(readScript(text)).toEqual({
    calls: [
      { server: 'notion', tool: 'notion-search', input: { query: 'x y' } },
      { server: 'builtin', tool: 'bash', input: {} },
    ],
    mistakes: [],
  });
});

it.each(['{"query"', '[1]', 'null', 'x'])('reports the arguments %s as a mistake', (json) => {
  expect(readScript(`call notion search ${json}`)).toEqual({ calls: [], mistakes: [`call notion search ${json}`] });
});
