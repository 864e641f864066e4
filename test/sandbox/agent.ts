import type { CallToolResult, Tool } from '@modelcontextprotocol/sdk/types.js';
import { readScript, type ScriptedCall } from './agent-script.ts';
import type { EventOf, StopReason } from './platform/event.ts';
import { type McpConnection, McpFailure } from './platform/mcp-connection.ts';
import { builtinToolSwitches, mcpToolSwitches } from './platform/tool-switches.ts';
import { type Confirmation, type PlayTurn, ServerUnusable, type Turn } from './platform/turn.ts';

/** The names that stand for the built-in tools and for those of the client in a script. */
const builtin = 'builtin';
const custom = 'custom';

/** An MCP server that the turn is connected to, with the tools that it offers. */
interface ConnectedServer {
  name: string;
  connection: McpConnection;
  tools: Tool[];
}

/** A call on its way: the event that announced it, and what came of it. */
interface Attempt {
  call: ScriptedCall;
  eventId: string;
  result: string;
}

/**
 * Plays a turn in place of a model: it does what the message says, and nothing of its own accord.
 *
 * 1. Connects to every MCP server of the agent, as the platform does at each change from idle to running.
 * 2. Announces the calls of the script in their order, each with its permission evaluation. Allowed calls run at
 *    once, refused ones never reach the service, and the others wait together for the person's answers.
 * 3. Says in one message what came of each, so that whoever reads the stream sees whose account answered.
 *
 * A message without calls is a plain question: the agent names its enabled tools, and tries per server the first
 * read-only one that it knows arguments for.
 */
export const playScript: PlayTurn = async (turn) => {
  const scripts = turn.texts.map(readScript);
  const calls = scripts.flatMap((script) => script.calls);
  const mistakes = scripts.flatMap((script) => script.mistakes);
  const servers: ConnectedServer[] = [];
  try {
    await connectAll(turn, servers);
    const plain = calls.length === 0 && mistakes.length === 0;
    const attempts = await attemptAll(turn, servers, plain ? plainCalls(turn, servers) : calls);
    const lines = [
      ...(plain ? servers.map((server) => toolLine(turn, server)) : []),
      ...attempts.map(({ call, result }) => `${call.server} ${call.tool}: ${result}`),
      ...mistakes.map((line) => `cannot read the arguments of: ${line}`),
    ];
    turn.emit({ type: 'agent.message', content: [{ type: 'text', text: lines.join('\n') || 'no tools' }] });
    return { type: 'end_turn' };
  } catch (error) {
    if (error instanceof ServerUnusable) return reportUnusable(turn, error);
    throw error;
  } finally {
    await Promise.allSettled(servers.map(({ connection }) => connection.close()));
  }
};

async function connectAll(turn: Turn, servers: ConnectedServer[]): Promise<void> {
  for (const { name } of turn.agent.mcp_servers) {
    const connection = await turn.connect(name);
    const server: ConnectedServer = { name, connection, tools: [] };
    // Before anything else can fail, so that the connection is closed in any case.
    servers.push(server);
    server.tools = await connection.listTools();
  }
}

/** choices.failedConnection */
function reportUnusable(turn: Turn, { kind, server, message }: ServerUnusable): StopReason {
  const retry_status = { type: 'exhausted' } as const;
  turn.emit({ type: 'session.error', error: { type: kind, mcp_server_name: server, message, retry_status } });
  return { type: 'retries_exhausted' };
}

async function attemptAll(turn: Turn, servers: ConnectedServer[], calls: ScriptedCall[]): Promise<Attempt[]> {
  const attempts: Attempt[] = [];
  const asked: Attempt[] = [];
  for (const call of calls) {
    const judgement = judge(turn, servers, call);
    const attempt: Attempt = { call, eventId: announce(turn, call, judgement), result: '' };
    attempts.push(attempt);
    if (call.server === custom || judgement.permission === 'ask') asked.push(attempt);
    else if (judgement.permission === 'allow') await run(turn, servers, attempt);
    else finish(turn, attempt, textResult(`refused: ${judgement.reason}`, true));
  }
  const answers = await turn.ask(asked.map(({ eventId }) => eventId));
  for (const attempt of asked) {
    const answer = answers.get(attempt.eventId);
    if (attempt.call.server === custom) {
      // Its result is an event of the client.
      attempt.result = answer?.text ?? '';
      continue;
    }
    if (answer?.result === 'allow') await run(turn, servers, attempt);
    else finish(turn, attempt, textResult(denialText(answer), true));
  }
  return attempts;
}

/** Documented: a denied tool gives the agent a refusal with the person's message. */
function denialText(answer: Confirmation | undefined): string {
  return answer?.denyMessage === undefined ? 'denied' : `denied: ${answer.denyMessage}`;
}

type Evaluation = NonNullable<EventOf<'agent.mcp_tool_use'>['evaluation']>;

interface Judgement {
  permission: 'allow' | 'ask' | 'deny';
  /** Documented: absent only when the call is refused before any policy applies. */
  evaluation?: Evaluation;
  reason?: string;
}

function judge(turn: Turn, servers: ConnectedServer[], { server, tool }: ScriptedCall): Judgement {
  const { tools } = turn.agent;
  // Documented: permission policies do not apply to custom tools.
  if (server === custom) return { permission: 'allow' };
  const switches = server === builtin ? builtinToolSwitches(tools, tool) : mcpToolSwitches(tools, server, tool);
  if (switches?.enabled !== true) return { permission: 'deny', reason: `the tool ${tool} is disabled` };
  switch (switches.permission_policy.type) {
    case 'always_allow':
      return { permission: 'allow', evaluation: { type: 'always_allow' } };
    case 'always_ask':
      return { permission: 'ask', evaluation: { type: 'always_ask' } };
    case 'auto':
      return judgeByAnnotations(offered(servers, server)?.find(({ name }) => name === tool));
  }
}

/** choices.autoPolicy */
function judgeByAnnotations(tool: Tool | undefined): Judgement {
  const { readOnlyHint, destructiveHint } = tool?.annotations ?? {};
  if (readOnlyHint === true) return byAuto({ type: 'allow' });
  if (destructiveHint === true) return byAuto({ type: 'deny', reason_code: 'high_risk' });
  return byAuto({ type: 'ask', reason_code: 'indeterminate' });
}

function byAuto(evaluated_permission: Extract<Evaluation, { type: 'auto' }>['evaluated_permission']): Judgement {
  const evaluation = { type: 'auto', evaluated_permission } as const;
  return { permission: evaluated_permission.type, evaluation, reason: 'judged as high risk' };
}

function offered(servers: ConnectedServer[], name: string): Tool[] | undefined {
  return servers.find((server) => server.name === name)?.tools;
}

function announce(turn: Turn, { server, tool, input }: ScriptedCall, judgement: Judgement): string {
  if (server === custom) return turn.emit({ type: 'agent.custom_tool_use', name: tool, input }).id;
  const common = {
    name: tool,
    input,
    evaluated_permission: judgement.permission,
    ...(judgement.evaluation === undefined ? {} : { evaluation: judgement.evaluation }),
  };
  const event =
    server === builtin
      ? turn.emit({ type: 'agent.tool_use', ...common })
      : turn.emit({ type: 'agent.mcp_tool_use', mcp_server_name: server, ...common });
  return event.id;
}

async function run(turn: Turn, servers: ConnectedServer[], attempt: Attempt): Promise<void> {
  const { server: name, tool, input } = attempt.call;
  if (name === builtin) {
    finish(turn, attempt, textResult('the sandbox does not run built-in tools', false));
    return;
  }
  const server = servers.find((connected) => connected.name === name);
  if (server === undefined) throw new Error(`not connected to ${name}`);
  try {
    finish(turn, attempt, await server.connection.callTool(tool, input));
  } catch (error) {
    const message = error instanceof McpFailure ? causeText(error) : String(error);
    finish(turn, attempt, textResult(message, true));
    if (error instanceof ServerUnusable) throw error;
  }
}

function causeText({ cause, message }: McpFailure): string {
  return cause instanceof Error ? cause.message : message;
}

function textResult(text: string, isError: boolean): CallToolResult {
  return { content: [{ type: 'text', text }], isError };
}

function finish(turn: Turn, attempt: Attempt, result: CallToolResult): void {
  const texts = result.content.map((block) => (block.type === 'text' ? block.text : JSON.stringify(block)));
  const outcome = {
    content: texts.map((text) => ({ type: 'text' as const, text })),
    is_error: result.isError ?? false,
  };
  attempt.result = texts.join(' ');
  if (attempt.call.server === builtin) {
    turn.emit({ type: 'agent.tool_result', tool_use_id: attempt.eventId, ...outcome });
  } else {
    turn.emit({ type: 'agent.mcp_tool_result', mcp_tool_use_id: attempt.eventId, ...outcome });
  }
}

function toolLine(turn: Turn, server: ConnectedServer): string {
  const names = enabledTools(turn, server).map(({ name }) => name);
  return `${server.name} offers: ${names.join(', ') || 'nothing'}`;
}

function enabledTools(turn: Turn, { name, tools }: ConnectedServer): Tool[] {
  return tools.filter((tool) => mcpToolSwitches(turn.agent.tools, name, tool.name)?.enabled === true);
}

/** What the agent fills required fields with when a plain question leaves them to it. */
const plainArguments: Readonly<Record<string, unknown>> = { query: 'roadmap', q: 'roadmap', text: 'roadmap', limit: 5 };

function plainCalls(turn: Turn, servers: ConnectedServer[]): ScriptedCall[] {
  return servers.flatMap((server) => {
    for (const { name, annotations, inputSchema } of enabledTools(turn, server)) {
      const required = inputSchema.required ?? [];
      if (annotations?.readOnlyHint !== true || !required.every((field) => field in plainArguments)) continue;
      const input = Object.fromEntries(required.map((field) => [field, plainArguments[field]]));
      return [{ server: server.name, tool: name, input }];
    }
    return [];
  });
}
