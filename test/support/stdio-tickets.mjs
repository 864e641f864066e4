/** An MCP server of stdio without any library, which does whatever a test wants done: well-behaved tools, and others. */
import { spawn } from 'node:child_process';
import { env } from 'node:process';
import { createInterface } from 'node:readline';

const [mode] = process.argv.slice(2);
if (mode === 'dies') {
  process.stderr.write('no database here\u001b[2J\n');
  process.exit(3);
}
// One that does not care whether somebody wants it to end, or has nothing more to say to it.
if (mode === 'stays') {
  process.on('SIGTERM', () => {}).on('SIGINT', () => {});
  setInterval(() => {}, 60_000);
}

const say = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const text = (value) => ({
  content: [{ type: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) }],
});
const asked = new Map();
/** Answers to what was never asked. */
const strays = [];
let calls = 0;
let begun;

const tools = {
  list_tickets: () => `tickets of ${new Map(Object.entries(env)).get('MCP_CALLER_SUBJECT')}`,
  close_ticket: ({ id }) => `closed ${id}`,
  delete_all: () => 'everything is gone',
  environment: () => env,
  count: () => {
    calls += 1;
    return `${process.pid} ${calls}`;
  },
  never: () => undefined,
  dies: () => {
    process.stderr.write('out of memory\n');
    process.exit(9);
  },
  answers_and_dies: (_args, id) => {
    say({ id, result: text('last words') });
    process.exit(0);
  },
  noise: (_args, id) => {
    process.stdout.write('starting up...\n\n[1,2]\n{"jsonrpc":"1.0"}\nnull\n');
    say({ id: 'nobody', result: text('for nobody') });
    say({ id: String(id), result: text('the id as a text') });
    say({ id: null, error: { code: -32700, message: 'parse error' } });
    return 'after noise';
  },
  neither: (_args, id) => {
    say({ id });
    return undefined;
  },
  deep: (_args, id) => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    process.stdout.write(`{"jsonrpc":"2.0","id":${id},"result":{"content":[],"deep":${deep}}}\n`);
    return undefined;
  },
  long: ({ bytes }) => 'x'.repeat(bytes),
  flood_stderr: () => {
    for (let line = 0; line < 20_000; line += 1) process.stderr.write(`line ${line} ${'x'.repeat(100)}\n`);
    return 'flooded';
  },
  flood_stdout: ({ messages }) => {
    const params = { level: 'info', data: 'x'.repeat(10_000) };
    for (let each = 0; each < messages; each += 1) say({ method: 'notifications/message', params });
    return 'flooded';
  },
  forks: (_args, id) => {
    const sleep = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); fs.writeSync(3, 'ready')";
    const { pid, stdio } = spawn(process.execPath, ['-e', sleep], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
    // Before that it would end as soon as it is asked to.
    stdio[3].once('data', () => say({ id, result: text(String(pid)) }));
    return undefined;
  },
  strays: () => strays,
  progress: (_args, _id, meta) => {
    for (const progress of [1, 2])
      say({ method: 'notifications/progress', params: { progressToken: meta.progressToken, progress, total: 2 } });
    return 'done';
  },
  asks: (_args, id) => {
    asked.set(7, (answer) => say({ id, result: text(answer.result ?? answer.error) }));
    const requestedSchema = { type: 'object', properties: { name: { type: 'string' } } };
    say({ id: 7, method: 'elicitation/create', params: { message: 'who?', requestedSchema } });
    return undefined;
  },
  // An id that is neither a text nor an integer is none, and such a request is no notification.
  asks_oddly: (_args, id) => {
    const wrong = [1.5, null, { id: 1 }];
    for (const each of wrong) say({ id: each, method: 'roots/list' });
    asked.set(1.5, (answer) => say({ id, result: text(answer.error) }));
    return undefined;
  },
  odd_lines: () => 'a\u2028data: {b\r\ndata: {c',
  tells_after: (_args, id) => {
    say({ id, result: text('told') });
    say({ method: 'notifications/message', params: { level: 'info', data: 'afterwards' } });
    return undefined;
  },
  asks_roots: (_args, id) => {
    asked.set(8, (answer) => say({ id, result: text({ begun, answer }) }));
    say({ id: 8, method: 'roots/list' });
    return undefined;
  },
};

const answers = {
  initialize: ({ protocolVersion, capabilities }) => {
    begun = capabilities;
    return {
      protocolVersion,
      capabilities: { tools: {}, resources: {}, prompts: {}, logging: {} },
      serverInfo: { name: 'tickets', version: '1' },
    };
  },
  'tools/list': () => ({
    tools: [...Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' } })), null, { name: 5 }],
    nextCursor: undefined,
  }),
  'resources/list': () => ({ resources: [{ uri: 'file:///secret', name: 'secret' }] }),
  ping: () => ({}),
};

createInterface({ input: process.stdin }).on('line', (line) => {
  if (mode === 'mute') return;
  const { id, method, params = {}, ...rest } = JSON.parse(line);
  if (method === undefined) {
    if (!asked.has(id)) strays.push(id);
    return asked.get(id)?.(rest);
  }
  if (id === undefined) return;
  if (method === 'tools/call') {
    const tool = Object.hasOwn(tools, params.name) ? tools[params.name] : undefined;
    if (tool === undefined) return say({ id, error: { code: -32602, message: 'no such tool' } });
    const answer = tool(params.arguments ?? {}, id, params._meta);
    if (answer !== undefined) say({ id, result: text(answer) });
    return;
  }
  const result = answers[method]?.(params);
  say(result === undefined ? { id, error: { code: -32601, message: 'no such method' } } : { id, result });
});
