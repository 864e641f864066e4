/** `setup-session explain`: who says what about each tool, which rule decided, and what a wider verdict would take (P5). */
import { beforeEach, describe, expect, test } from 'vitest';
import type { PersonName } from '../sandbox/people.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';

const world = sandboxPerTest();
let machine: string;

beforeEach(async () => {
  machine = await world.machine();
});

const explain = (...more: string[]) => world.setup(['explain', '--agent', 'support', ...more], { folder: machine });

async function explained(...more: string[]) {
  const found = await world.setupJson(['explain', '--agent', 'support', ...more], { folder: machine });
  const tools = (found['tools'] as Content[]).map((each): [string, Content] => [each.tool, each]);
  return { ...found, tools: new Map(tools) };
}

/** Three tools in a service of their own, so that the whole output is short. */
async function smallCatalogue() {
  await world.configure('services/notion.yaml', (content) => {
    content.tools = {
      read: ['notion-search', 'notion-fetch'],
      write: ['notion-create-pages'],
      destructive: ['notion-update-page'],
    };
  });
  await world.configure('interface.yaml', (content) => {
    content.people.groups = {
      support: { notion: { read: 'on', write: 'on', tools: { 'notion-fetch': 'ask' } } },
      readers: { notion: { read: 'on', when: { groups: ['oncall'] } } },
    };
  });
  await world.configure('agents/support.yaml', (content) => {
    content.services = { notion: { read: 'on', write: 'ask', tools: { 'notion-update-page': 'off' } } };
    content.builtin_tools = { read: 'on', web_fetch: { verdict: 'auto', domains: ['docs.example.com'] } };
  });
}

describe('the table', () => {
  beforeEach(smallCatalogue);

  test('for a group, as it is printed', async () => {
    const { exit, stdout, visited } = await explain('--for', 'support');
    expect([exit, visited, world.asked()]).toEqual([0, [], []]);
    expect(stdout).toMatchSnapshot();
  });

  test('for one tool, with what would have to change', async () => {
    const { stdout } = await explain('--for', 'readers', '--tool', 'notion-create-pages');
    expect(stdout).toMatchSnapshot();
  });

  test('as JSON always says what would have to change', async () => {
    const { tools, ...rest } = await explained('--for', 'support');
    expect(rest).toEqual({
      agent: 'support',
      for: { group: 'support' },
      may_start: true,
      groups_missing: null,
      groups_said: null,
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
    const place = 'agents/support.yaml: services.notion';
    expect(tools.get('notion-update-page')).toEqual({
      service: 'notion',
      tool: 'notion-update-page',
      class: 'destructive',
      agent: 'off',
      person: 'on',
      scopes: null,
      pin: null,
      router: null,
      verdict: 'off',
      rule: { party: 'agent', verdict: 'off', because: `${place}.tools.notion-update-page is off` },
      wider: {
        verdict: 'ask',
        changes: [{ party: 'agent', verdict: 'off', because: `${place}.tools.notion-update-page is off` }],
      },
    });
    expect(tools.get('notion-search')).toMatchObject({ verdict: 'on', wider: null });
    expect(tools.get('web_fetch')).toMatchObject({ verdict: 'auto', domains: ['docs.example.com'] });
  });

  test('what it says has to change is enough: with it the verdict is the one that was named [P5]', async () => {
    const before = (await explained('--for', 'support')).tools.get('notion-update-page');
    await world.configure('agents/support.yaml', (content) => {
      content.services.notion.tools['notion-update-page'] = 'ask';
    });
    const after = (await explained('--for', 'support')).tools.get('notion-update-page');
    expect([before.verdict, after.verdict]).toEqual(['off', before.wider.verdict]);
  });
});

describe('whoever runs it', () => {
  test('is explained with the scopes of their own connection; the session has the same tools on', async () => {
    await world.configure('services/linear.yaml', (content) => {
      content.authorization.scopes.tools = { read: content.tools.read, write: content.tools.write };
    });
    await world.configure('agents/support.yaml', (content) => {
      content.services = { linear: { read: 'on', write: 'on' } };
    });
    expect((await world.connect(['linear', '--read-only'], { folder: machine })).exit).toBe(0);
    const { tools } = await explained();
    const linear = [...tools.values()].filter(({ service }) => service === 'linear');
    const inClass = (kind: string) => linear.filter((each) => each.class === kind);
    expect(inClass('read').length * inClass('write').length).toBeGreaterThan(0);
    for (const each of inClass('read')) expect(each).toMatchObject({ scopes: 'on', verdict: 'on' });
    for (const each of inClass('write')) {
      expect(each).toMatchObject({
        scopes: 'off',
        verdict: 'off',
        rule: { party: 'scopes', because: 'the scope write was not granted' },
      });
    }
  });

  test('hears that nothing is connected where that is so', async () => {
    const { exit, stdout } = await explain();
    expect([exit, stdout]).toEqual([0, expect.stringContaining('nothing is connected, so no scopes have a say')]);
  });

  test.each<[PersonName]>([['linus']])('and may start no session is told so: %s', async (person) => {
    const { exit, stdout } = await world.setup(['explain', '--agent', 'support'], { person });
    expect([exit, stdout]).toEqual([
      0,
      expect.stringContaining('They may start no session with it: agents/support.yaml: allowed does not name them.'),
    ]);
  });

  test('changes nothing on the platform and none of the files', async () => {
    expect((await explain()).exit).toBe(0);
    expect(world.asked().filter((line) => !line.startsWith('GET'))).toEqual([]);
  });
});

test.each([
  ['an agent', ['--agent', 'suport'], 'did you mean "support"?'],
  ['a tool', ['--agent', 'support', '--tool', 'notion-serch'], 'did you mean "notion-search"'],
  ['a group', ['--agent', 'support', '--for', 'suport'], 'did you mean "support"?'],
  ['nothing', [], 'setup-session explain --agent <name>'],
])('%s that is not there ends with 2 and the nearest name, before anybody signs in', async (_case, argv, said) => {
  const { exit, stderr, visited } = await world.setup(['explain', ...argv]);
  expect([exit, visited, stderr]).toEqual([2, [], expect.stringContaining(said)]);
});
