/** What changes at a console while a request or a run is on its way, and what strangers and answers from outside bring. */
import { readFile, symlink, unlink, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { ServeRequest } from '../../internal/console/serve.ts';
import { formatToolsLock } from '../../internal/tool-review/lock.ts';
import { type Answered, ask } from '../support/ask.ts';
import { type RunningConsole, startConsole } from '../support/console.ts';
import {
  asking,
  type Caller,
  callerAt,
  exchangeAt,
  idTokenOf,
  linesOf,
  newKey,
  proofOf,
} from '../support/console-caller.ts';
import { type Content, sandboxPerTest } from '../support/sandboxed-commands.ts';
import { fakeTerminal } from '../support/terminal.ts';

const world = sandboxPerTest();
let running: RunningConsole | undefined;
beforeEach(() => {
  running = undefined;
});
afterEach(async () => {
  await running?.stop();
});

const started = async (change?: (content: Content) => void, request?: Partial<ServeRequest>) => {
  running = await startConsole(world.sandbox, change, request);
  return running;
};
const graceOperates = (content: Content) => {
  content.people.operators = { principals: [world.sandbox.people.grace.subject] };
};
const callerOf = async (name: 'ada' | 'grace') =>
  await callerAt(running?.origin ?? '', await idTokenOf(world.sandbox, name));
const codeOf = ({ body }: Answered) => (JSON.parse(body) as { error: { code: string } }).error.code;
const errorIn = (answered: Answered) => linesOf(answered).find(({ kind }) => kind === 'error')?.['error'];
const list = '/v1/use-cases/listConnections';
const connect = {
  request: { service: 'notion', newClient: false, legacyEndpoints: false, acceptAudience: false },
  asking,
};
const offboardAda = () => {
  const { subject } = world.sandbox.people.ada;
  const request = { subject, includeUnproven: false, confirmed: subject, undo: false, dryRun: false };
  return { request, asking };
};
const lookNow = async () => (await ask(`${running?.origin}/health/ready`)).status;

/** A request whose body comes when it is told to: who asks is known before. */
async function slowly({ key, token }: Caller, path: string, body: unknown) {
  const url = `${running?.origin}${path}`;
  const text = JSON.stringify(body);
  const { hostname, port } = new URL(url);
  const headers = {
    authorization: `DPoP ${token}`,
    dpop: await proofOf(key, { method: 'POST', url, token }),
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(text)),
    host: `${hostname}:${port}`,
  };
  const sent = httpRequest({ host: hostname, port, path, method: 'POST', headers, agent: false });
  const answered = new Promise<Answered>((resolve, reject) => {
    sent.on('error', reject).on('response', (response) => {
      const pieces: Buffer[] = [];
      response
        .on('data', (piece: Buffer) => pieces.push(piece))
        .on('error', reject)
        .on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(pieces).toString(),
          }),
        );
    });
  });
  answered.catch(() => {});
  sent.flushHeaders();
  const begun = new Promise<void>((resolve) => sent.once('response', () => resolve()));
  return {
    /** Whether it is let in is decided. */
    begun,
    async finish(): Promise<Answered> {
      sent.end(text);
      return await answered;
    },
  };
}

/** What was sent before is judged when requests of the same kind that came after it are answered. */
async function judged({ ask: send }: Caller): Promise<void> {
  for (let time = 0; time < 3; time += 1)
    expect((await send(list, { body: { request: {}, asking } })).status).toBe(200);
}

describe('who is let go', () => {
  test('is gone from the first act on, also where the rest fails: no session, no run, and no other session [P4]', async () => {
    await started(graceOperates);
    await world.connect(['notion'], { folder: await world.machine(), environment: { ANTHROPIC_API_KEY: '' } });
    const [ada, grace] = [await callerOf('ada'), await callerOf('grace')];
    const token = await idTokenOf(world.sandbox, 'ada');
    const late = await slowly(ada, list, { request: {}, asking });
    const waiting = ada.ask('/v1/use-cases/connect', { body: connect });
    await judged(ada);
    await expect.poll(() => running?.journal(), { timeout: 30_000 }).toContain('/v1/use-cases/connect');
    world.sandbox.platform.control.faults.add({
      on: 'POST /v1/vaults/:vault/archive',
      fault: { kind: 'status', status: 403 },
      times: Number.POSITIVE_INFINITY,
    });
    const left = await grace.ask('/v1/use-cases/offboardPerson', { body: offboardAda() });
    expect(errorIn(left)).toMatchObject({ code: 'offboarding_incomplete' });
    expect(errorIn(await waiting)).toMatchObject({ code: 'interrupted' });
    expect((await ada.ask(list, { body: { request: {}, asking } })).status).toBe(401);
    const again = await exchangeAt(running?.origin ?? '', newKey(), token);
    expect([again.status, codeOf(again)]).toEqual([403, 'offboarded']);
    expect(codeOf(await late.finish())).toBe('offboarded');
    const claims = { aud: running?.origin, client_id: 'a-program' };
    const other = await idTokenOf(world.sandbox, 'ada', { claims, typ: 'at+jwt' });
    const shown = await ask(`${running?.origin}${list}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${other}` },
    });
    expect([shown.status, codeOf(shown)]).toEqual([403, 'offboarded']);
  });

  test('is gone after a restart as before it, and let in again at once [P4]', async () => {
    const { data } = await started(graceOperates);
    const anew = async () => {
      await running?.stop();
      await started(graceOperates, { data });
    };
    await world.connect(['notion'], { folder: await world.machine(), environment: { ANTHROPIC_API_KEY: '' } });
    const token = await idTokenOf(world.sandbox, 'ada');
    const exchanged = async () => await exchangeAt(running?.origin ?? '', newKey(), token);
    const off = async (undo: boolean) => {
      const body = offboardAda();
      const asked = { ...body, request: { ...body.request, undo } };
      return errorIn(await (await callerOf('grace')).ask('/v1/use-cases/offboardPerson', { body: asked }));
    };
    expect([await off(false), (await exchanged()).status]).toEqual([undefined, 403]);
    await anew();
    expect(codeOf(await exchanged())).toBe('offboarded');
    expect([await off(true), (await exchanged()).status]).toEqual([undefined, 200]);
    await anew();
    expect((await exchanged()).status).toBe(200);
  });
});

describe('a change of the configuration', () => {
  const withoutApprovers = async () =>
    await world.configure('interface.yaml', (content) => {
      content.people.roles.approver = { groups: ['somebody-else'] };
    });

  test('ends the run of whoever may not do any more what it does [P4]', async () => {
    await started();
    const ada = await callerOf('ada');
    const waiting = ada.ask('/v1/use-cases/connect', { body: connect });
    await expect.poll(() => running?.journal(), { timeout: 30_000 }).toContain('/v1/use-cases/connect');
    await world.configure('interface.yaml', (content) => {
      content.people.roles.user = { groups: ['somebody-else'] };
    });
    expect(await lookNow()).toBe(200);
    expect(errorIn(await waiting)).toMatchObject({ code: 'interrupted' });
  });

  test('counts for a request whose body comes after it [P4]', async () => {
    await started();
    const ada = await callerOf('ada');
    const late = await slowly(ada, '/v1/use-cases/listApprovals', { request: { watch: false }, asking });
    await judged(ada);
    await withoutApprovers();
    const answered = await late.finish();
    expect([answered.status, codeOf(answered)]).toEqual([403, 'not_allowed']);
  });

  test.each([
    ['of tools loses a review', 'tools.lock.json', 'is not what was reviewed: not-listed'],
    ['of agents names another agent', 'agents.lock.json', 'is not the agent "support" that is in force'],
  ])('whose lock %s while somebody reads a call: their yes is none [P4]', async (_what, name, refusal) => {
    await world.configure('agents/support.yaml', (content) => {
      content.services.notion.write = 'ask';
    });
    await world.apply('support');
    await started((content) => {
      content.approvals = { services: { notion: { every: { groups: ['support'] } } } };
    });
    const at = async (person: 'ada' | 'grace') => ({
      person,
      folder: await world.machine(),
      environment: { ANTHROPIC_API_KEY: '', ANTHROPIC_BASE_URL: '' },
    });
    const ada = await at('ada');
    expect((await world.connect(['notion'], ada)).exit).toBe(0);
    const words = ['--agent', 'support', '--json', '--message', 'call notion notion-create-pages {"pages":[]}'];
    const asked = await world.setup(words, ada);
    expect([asked.exit, asked.stderr]).toEqual([8, expect.any(String)]);
    const { session_id: id, asks } = JSON.parse(asked.stdout) as Content;
    const lock = join(world.sandbox.configFolder, name);
    const terminal = fakeTerminal();
    let changing: Promise<void> | undefined;
    const change = async () => {
      const mcpServerUrl = world.sandbox.services.notion.mcpUrl;
      const agents: Content = JSON.parse(await readFile(join(world.sandbox.configFolder, 'agents.lock.json'), 'utf8'));
      agents.agents.support.id = 'agent_other';
      await writeFile(
        lock,
        name === 'agents.lock.json'
          ? JSON.stringify(agents)
          : formatToolsLock(new Map([['notion', { mcpServerUrl, tools: new Map(), leftOut: [] }]])),
      );
      // The new one counts: the console has said so.
      await lookNow();
      expect(running?.journal()).toContain('"what":"configuration"');
      await terminal.type('y\n');
    };
    const refused = await world.setup(['answer', id, asks[0].event_id, '--yes'], {
      ...(await at('grace')),
      terminal,
      hear: (said) => {
        if (said.includes('[y/N]')) changing ??= change();
      },
    });
    await changing;
    expect([refused.exit, refused.stderr]).toEqual([3, expect.stringContaining(refusal)]);
    const answers = await world.client.beta.sessions.events.list(id, { types: ['user.tool_confirmation'] } as never);
    expect(answers.data).toEqual([]);
  });

  test('that cannot even be looked at changes nothing, and is said once', async () => {
    const console = await started();
    const loop = join(world.sandbox.configFolder, 'services', 'loop.yaml');
    await symlink(loop, loop);
    const ada = await callerOf('ada');
    expect(linesOf(await ada.ask(list, { body: { request: {}, asking } })).map(({ kind }) => kind)).toContain('result');
    expect([await lookNow(), await lookNow()]).toEqual([503, 503]);
    expect(console.journal().match(/configuration refused/g)).toHaveLength(1);
    await unlink(loop);
    expect(await lookNow()).toBe(200);
    const file = join(world.sandbox.configFolder, 'interface.yaml');
    const content: Content = parse(await readFile(file, 'utf8'));
    content.people.roles = {};
    await writeFile(file, stringify(content));
    expect((await ada.ask(list, { body: { request: {}, asking } })).status).toBe(403);
  });
});

describe('the limits', () => {
  test('of runs hold for requests that come all at once', async () => {
    await started();
    const ada = await callerOf('ada');
    const all = await Promise.all(
      Array.from({ length: 30 }, async () => await slowly(ada, '/v1/use-cases/connect', connect)),
    );
    await judged(ada);
    const answers = Promise.all(all.map(async ({ finish }) => await finish()));
    await Promise.all(all.map(({ begun }) => begun));
    await running?.stop();
    running = undefined;
    const statuses = (await answers).map(({ status }) => status);
    expect([statuses.filter((each) => each === 200).length, statuses.filter((each) => each === 429).length]).toEqual([
      20, 10,
    ]);
  });

  test('no run begins when the console is about to end', async () => {
    await started();
    const ada = await callerOf('ada');
    const late = await slowly(ada, '/v1/use-cases/connect', connect);
    await judged(ada);
    const stopped = running?.stop();
    running = undefined;
    const answered = await late.finish();
    await stopped;
    expect([answered.status, codeOf(answered)]).toEqual([503, 'console_refused']);
  });

  test('of an address are none for who is proven: they count as themselves, however many are behind it', async () => {
    await started();
    const origin = running?.origin ?? '';
    const tokens = await Promise.all((['ada', 'grace'] as const).map((each) => idTokenOf(world.sandbox, each)));
    const statusOf = async (token: string) => {
      const key = newKey();
      const form = {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      };
      const headers = {
        'content-type': 'application/x-www-form-urlencoded',
        dpop: await proofOf(key, { method: 'POST', url: `${origin}/v1/token` }),
      };
      const answered = await ask(`${origin}/v1/token`, {
        method: 'POST',
        headers,
        body: new URLSearchParams(form).toString(),
      });
      return answered.status;
    };
    const rounds = Array.from({ length: 4 }, () => Array.from({ length: 12 }, (_, index) => tokens[index % 2] ?? ''));
    for (const round of rounds) expect(new Set(await Promise.all(round.map(statusOf)))).toEqual(new Set([200]));
    // Not all of whom nobody has proven: they share what the address has.
    const strangers = await Promise.all(Array.from({ length: 90 }, () => statusOf('a.b.c')));
    expect(strangers).toContain(429);
  });

  test('of an address hold for the whole network that it is in, and for no other', async () => {
    const name = 'console.example.com';
    const behind = (content: Content) => {
      content.console = `https://${name}`;
    };
    const { port } = await started(behind, { trustedProxies: ['127.0.0.1'] });
    const statusFor = async (address: string) => {
      const headers = { host: name, 'x-forwarded-proto': 'https', 'x-forwarded-for': address };
      return (await ask(`http://127.0.0.1:${port}/v1/token`, { method: 'POST', headers })).status;
    };
    const both = (from: number, to: number) =>
      Promise.all(
        Array.from({ length: to - from }, (_, index) => from + index).map((last) =>
          statusFor(last % 2 === 0 ? `2001:db8:0:7::${last.toString(16)}` : `2001:db8::7:${last}:0:0:1`),
        ),
      );
    expect(await both(1, 31)).not.toContain(429);
    // At once: what a limit allows in a second comes back while a busy machine asks one after the other.
    expect(await both(31, 151)).toContain(429);
    // What somebody wrote into the list before the proxy did is nobody.
    const written = Array.from({ length: 15 }, () => statusFor('192.0.2.9, 2001:db8:0:7::1'));
    expect(await Promise.all(written)).toContain(429);
    expect([await statusFor('2001:db8:0:8::1'), await statusFor('2001:db8::1'), await statusFor('192.0.2.7')]).toEqual([
      400, 400, 400,
    ]);
  });

  test('what strangers show is not remembered', async () => {
    const { origin } = await started();
    const key = newKey();
    const proof = await proofOf(key, { method: 'POST', url: `${origin}/v1/token` });
    const wrong = await idTokenOf(world.sandbox, 'ada', { signedBy: 'stranger' });
    expect((await exchangeAt(origin, key, wrong, { proof })).status).toBe(403);
    // The same proof: were it remembered, whoever made many of them would leave no place for those of others.
    const token = await idTokenOf(world.sandbox, 'ada');
    expect((await exchangeAt(origin, key, token, { proof })).status).toBe(200);
    expect((await exchangeAt(origin, key, token, { proof })).status).toBe(403);
  });
});

/** A server that gives sessions, answers each run with these lines, or everything else with a status, and that the configuration names. */
async function otherConsole(said: readonly object[], status = 200): Promise<void> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const isToken = request.url === '/v1/token';
      const token = { access_token: 'a-session-of-theirs', token_type: 'DPoP', expires_in: 300 };
      response.statusCode = isToken ? 200 : status;
      response.end(isToken ? JSON.stringify(token) : said.map((line) => `${JSON.stringify(line)}\n`).join(''));
    });
  });
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await world.configure('interface.yaml', (content) => {
    content.console = `http://127.0.0.1:${port}`;
  });
}

test('a console that is none of ours moves no cursor [P9]', async () => {
  const cursor = '\u001b[2J\u009b1A\r';
  await otherConsole([
    { kind: 'run', id: 'a-run', version: `9${cursor}` },
    { kind: 'note', text: `note ${cursor}` },
    { kind: 'stream', text: `streamed ${cursor}\n` },
    { kind: 'result', result: { asks: [], beside: { lines: [`result ${cursor}`] } } },
    { kind: 'end' },
  ]);
  const { exit, stdout, stderr } = await world.setup(['approvals', '--watch'], { folder: await world.machine() });
  expect([exit, stdout]).toEqual([0, expect.stringContaining('streamed \\u{1b}[2J\\u{9b}1A\\u{d}\n')]);
  expect(`${stdout}${stderr}`).not.toMatch(/[^\P{Cc}\n\t]/u);
});

describe('a console of another version', () => {
  const begun = { kind: 'run', id: 'a-run', version: '9.9.9', region: 'new' };
  const ended = [{ kind: 'result', result: { asks: [], beside: { lines: ['done'] } } }, { kind: 'end' }];

  test.each<[string, object[], number, string | RegExp, number, string]>([
    ['says more in what this one knows', [begun, { kind: 'note', text: 'x', since: 1 }, ...ended], 200, '', 0, 'done'],
    [
      'has more in its result',
      [
        begun,
        { kind: 'result', result: { asks: [], cost: { so: 'far' }, beside: { lines: ['done'], also: 1 } }, took: 1 },
        { kind: 'end' },
      ],
      200,
      '',
      0,
      'done',
    ],
    ['says what this one has no word for', [begun, { kind: 'picture', data: 'x' }, ...ended], 200, '', 0, 'done'],
    [
      'asks what this one cannot ask',
      [begun, { kind: 'signature', id: 7 }, ...ended],
      200,
      'is not what this version understands',
      1,
      '',
    ],
    [
      'says what this one knows, and says it in another way',
      [begun, { kind: 'note', words: 'x' }, ...ended],
      200,
      'is not what this version understands',
      1,
      '',
    ],
    [
      'has another result',
      [begun, { kind: 'result', result: { calls: [] } }, { kind: 'end' }],
      200,
      'is not what this version understands',
      1,
      '',
    ],
    [
      'refuses with a code that this one does not have',
      [{ error: { code: 'sealed', message: 'it is sealed', hint: 'break the seal', id: 'r1' } }],
      423,
      /it is sealed \(request "r1"\) \[console_refused\]\n.*break the seal/,
      1,
      '',
    ],
    [
      'does not have what is asked for',
      [{ error: { code: 'usage', message: 'there is nothing here', hint: null, id: 'r1' } }],
      404,
      /does not know this command \[console_refused\]\n.*another version than this command/,
      1,
      '',
    ],
    ['stops in the middle', [begun], 200, 'the console broke off in the middle of a run', 1, ''],
  ])('that %s', async (_what, said, status, why, exit, result) => {
    await otherConsole(said, status);
    const run = await world.setup(['approvals', '--watch'], { folder: await world.machine() });
    expect([run.exit, run.stdout, run.stderr]).toEqual([
      exit,
      expect.stringContaining(result),
      typeof why === 'string' ? expect.stringContaining(why) : expect.stringMatching(why),
    ]);
    // Which versions they are is said by whatever begins at all.
    expect(run.stderr.includes('the console is version 9.9.9')).toBe(said.includes(begun));
  });

  test('hears more of who asks without harm, and refuses what it would have to leave out of what is asked for', async () => {
    await started();
    const ada = await callerOf('ada');
    const newer = { ...asking, version: '99.0.0', columns: 120 };
    const answered = await ada.ask(list, { body: { request: {}, asking: newer } });
    expect(linesOf(answered).map(({ kind }) => kind)).toContain('result');
    const more = await ada.ask(list, { body: { request: { onlyBroken: true }, asking: newer } });
    expect([more.status, more.body]).toEqual([400, expect.stringContaining('does not take that request of')]);
    expect((await ada.ask('/v1/use-cases/foldPaper', { body: { request: {}, asking } })).status).toBe(404);
  });
});

test('a result with a secret in it goes out without [P3]', async () => {
  await started();
  const key = world.sandbox.platform.apiKey;
  await world.client.beta.agents.create({ name: `agent ${key}`, model: 'claude-sonnet-4-5' });
  const listed = await (await callerOf('ada')).ask('/v1/use-cases/listAgents', { body: { request: {}, asking } });
  expect(linesOf(listed).find(({ kind }) => kind === 'result')).toMatchObject({
    result: { without_file: [{ name: 'agent [secret]' }] },
  });
  expect(listed.body).not.toContain(key);
});
