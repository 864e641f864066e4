/**
 * A small world, whole: every combination of what agent, person, scopes and pin can say about three tools of every class.
 * No tool that is off for one of them may run when the sandbox agent really tries it (P4, P5).
 */
import type Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type {
  Agent,
  AgentService,
  Configuration,
  Permission,
  Service,
  Verdict,
} from '../../internal/config/definitions.ts';
import type { Principal } from '../../internal/identity/principal.ts';
import { compileTooling, permissionLines, type Tooling } from '../../internal/policy/toolset.ts';
import { judgeTools, type ToolClass } from '../../internal/policy/verdict.ts';
import { runningClock } from '../sandbox/clock.ts';
import { connect } from '../sandbox/connect.ts';
import { sdkClient } from '../sandbox/platform/sdk-client.ts';
import { type PlatformSandbox, startPlatform } from '../sandbox/platform/start.ts';
import { startNotion } from '../sandbox/services/notion.ts';
import type { SandboxService } from '../sandbox/services/service.ts';

const verdicts = ['off', 'ask', 'auto', 'on'] as const;
const classes = ['read', 'write', 'destructive'] as const;
/** Each with a call that the service answers. */
const calls = {
  'notion-search': '{"query": "roadmap"}',
  'notion-create-pages': '{"pages": [{"title": "New"}]}',
  'notion-update-page': '{"page_id": "page-roadmap", "text": "x"}',
} as const;
type Tool = keyof typeof calls;
const tools = Object.keys(calls) as Tool[];

const ada: Principal = { kind: 'sso', issuer: 'https://idp.example', subject: 'ada', groups: ['g'], label: 'Ada' };

/** What each party says, once for all three tools. */
interface World {
  classes: readonly ToolClass[];
  settings: AgentService;
  permission: Permission;
  granted: readonly Tool[];
  pinned: readonly Tool[];
}

/** Every choice of one of the given for each of some places. */
function each<Choice>(places: number, choices: readonly Choice[]): Choice[][] {
  return places === 0
    ? [[]]
    : each(places - 1, choices).flatMap((before) => choices.map((choice) => [...before, choice]));
}

/** What is said of one tool alone: its entry in the agent's file, whether its scope was granted, whether its pin holds. */
const ofTool = each<Verdict | undefined>(1, [undefined, 'off', 'on']).flatMap(([entry]) =>
  each(2, [true, false]).map(([granted = false, pinned = false]) => ({ entry, granted, pinned })),
);

/**
 * Switches and the person's verdicts are those of a class, the rest is that of a tool. With one tool of each class all
 * three tools take every combination beside each other, for whoever may read; with every assignment of classes, all take the same one.
 */
function* worlds(): Generator<World> {
  for (const read of verdicts) {
    for (const write of ['off', 'ask', 'on'] as const) {
      for (const [ofRead = 'off', ofWrite = 'off'] of each<Verdict>(2, verdicts)) {
        const permission = { read: ofRead, write: ofWrite };
        const world = (kinds: readonly ToolClass[], said: typeof ofTool): World => ({
          classes: kinds,
          settings: {
            read,
            write,
            tools: Object.fromEntries(
              tools.flatMap((tool, index) => (said[index]?.entry === undefined ? [] : [[tool, said[index].entry]])),
            ),
          },
          permission,
          granted: tools.filter((_tool, index) => said[index]?.granted),
          pinned: tools.filter((_tool, index) => said[index]?.pinned),
        });
        for (const assigned of each<ToolClass>(3, classes)) {
          for (const said of ofTool) yield world(assigned, [said, said, said]);
        }
        if (ofRead === 'on') {
          for (const said of each(3, ofTool)) yield world(classes, said);
        }
      }
    }
  }
}

/** Whether somebody says off, found without any code of ours. */
function isOffForSomebody({ classes: kinds, settings, permission, granted, pinned }: World, tool: Tool): boolean {
  const key = kinds[tools.indexOf(tool)] === 'read' ? 'read' : 'write';
  return (
    settings[key] === 'off' ||
    settings.tools?.[tool] === 'off' ||
    permission[key] === 'off' ||
    !granted.includes(tool) ||
    !pinned.includes(tool)
  );
}

let notion: SandboxService | undefined;
let platform: PlatformSandbox | undefined;
let client: Anthropic;
let vaultId: string;
let environmentId: string;

function configurationOf({ classes: kinds, permission }: World): Configuration {
  const of = (kind: ToolClass) => tools.filter((_tool, index) => kinds[index] === kind);
  const service: Service = {
    name: 'notion',
    mcp_server_url: notion?.mcpUrl ?? 'https://notion.example/mcp',
    authorization: {
      issuers: ['https://notion.example'],
      token_endpoint_auth_method: 'none',
      // One scope for each tool, of its name.
      scopes: { default: tools, tools: Object.fromEntries(tools.map((tool) => [tool, [tool]])) },
      redirect: { host: '127.0.0.1', path: '/callback' },
      resource_parameter: true,
      token_response: 'standard',
    },
    tools: { read: of('read'), write: of('write'), destructive: of('destructive') },
  };
  return {
    folder: '/config',
    interface: {
      identity: { mode: 'os' },
      people: { groups: { g: { notion: permission } }, principals: {} },
      platform: {},
    },
    services: new Map([['notion', service]]),
    agents: new Map(),
    rules: new Map(),
    environments: new Map(),
  };
}

function agentOf({ settings }: World): Agent {
  return {
    name: 'small',
    model: 'm',
    system: undefined,
    services: { notion: settings },
    builtin_tools: {},
    skills: [],
    environment: 'e',
    allowed: { groups: ['g'], principals: [] },
  };
}

/** The verdicts of a world on its three tools, and what is asked of the platform for them. */
function judged(world: World) {
  const configuration = configurationOf(world);
  const found = judgeTools(agentOf(world), ada, configuration, {
    grantedScopes: new Map([['notion', world.granted]]),
    pins: {
      pinVerdict: (_service, tool) => ({
        verdict: world.pinned.includes(tool as Tool) ? 'on' : 'off',
        reason: 'as-reviewed',
        annotations: undefined,
      }),
    },
  });
  return { found, configuration };
}

/** Starts a session with exactly these tools, has the agent try all three, and returns those that the service saw. */
async function tried({ mcp_servers, tools: toolsets }: Tooling): Promise<{ ran: string[]; lines: string[] }> {
  const agent = await client.beta.agents.create({
    name: 'small',
    model: 'claude-sonnet-5-5',
    mcp_servers,
    tools: toolsets,
  });
  const { id } = await client.beta.sessions.create({
    agent: { type: 'agent', id: agent.id, version: agent.version },
    environment_id: environmentId,
    vault_ids: [vaultId],
  });
  const before = notion?.calls.length;
  const text = tools.map((tool) => `call notion ${tool} ${calls[tool]}`).join('\n');
  const stream = await client.beta.sessions.events.stream(id);
  await client.beta.sessions.events.send(id, { events: [{ type: 'user.message', content: [{ type: 'text', text }] }] });
  for await (const happened of stream) if (happened.type === 'session.status_idle') break;
  const session = await client.beta.sessions.retrieve(id);
  return {
    ran: (notion?.calls ?? []).slice(before).map(({ tool }) => tool),
    lines: permissionLines(session.agent.tools),
  };
}

/** One world for each verdict on the three tools that comes of any. */
const distinct = new Map<string, World>();

test('a tool is off in exactly those combinations in which somebody says so', () => {
  let combinations = 0;
  let wrong = 0;
  for (const world of worlds()) {
    combinations += 1;
    const verdict = new Map(judged(world).found.map((one) => [one.tool, one.verdict]));
    for (const tool of tools) if ((verdict.get(tool) === 'off') !== isOffForSomebody(world, tool)) wrong += 1;
    distinct.set(tools.map((tool) => verdict.get(tool)).join(), world);
  }
  expect([combinations, wrong]).toEqual([145_152, 0]);
}, 120_000);

describe('for real', () => {
  beforeAll(async () => {
    const clock = runningClock();
    notion = await startNotion(clock.now);
    platform = await startPlatform({ clock });
    client = sdkClient(platform);
    environmentId = (await client.beta.environments.create({ name: 'e' })).id;
    const { accessToken } = await connect(notion, { person: 'ada' });
    vaultId = (await client.beta.vaults.create({ display_name: 'ada' })).id;
    await client.beta.vaults.credentials.create(vaultId, {
      auth: { type: 'static_bearer', mcp_server_url: notion.mcpUrl, token: accessToken },
    });
  });
  afterAll(async () => {
    await platform?.close();
    await notion?.close();
  });

  // What the sandbox agent does depends on what was compiled alone, so every distinct toolset is tried.
  test('no tool that is off for anybody runs in any of its combinations [P5]', async () => {
    // Of the 64 that three tools with four verdicts could have; two come of none of these worlds.
    expect(distinct.size).toBe(62);
    for (const [key, world] of distinct) {
      const { found, configuration } = judged(world);
      const tooling = compileTooling(found, configuration);
      const { ran, lines } = await tried(tooling);
      expect(lines, key).toEqual(permissionLines(tooling.tools));
      for (const { tool, verdict } of found) {
        if (verdict === 'off' || verdict === 'ask') expect(ran, `${key}: ${tool}`).not.toContain(tool);
        if (verdict === 'on') expect(ran, `${key}: ${tool}`).toContain(tool);
      }
    }
  }, 120_000);
});
