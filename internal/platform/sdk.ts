/**
 * The official SDK, only as much of it as is used: its resources are built one by one, because its ready-made client
 * brings all of them and costs every run four times the code to read. What it answers is read here (reading.ts): its types
 * say what the documents promise, not what arrives.
 */
import { BaseAnthropic, type ClientOptions } from '@anthropic-ai/sdk/client';
import { Stream } from '@anthropic-ai/sdk/core/streaming';
import { Agents } from '@anthropic-ai/sdk/resources/beta/agents/agents';
import { Environments } from '@anthropic-ai/sdk/resources/beta/environments/environments';
import { Sessions } from '@anthropic-ai/sdk/resources/beta/sessions/sessions';
import { Skills as BetaSkills } from '@anthropic-ai/sdk/resources/beta/skills/skills';
import { Vaults } from '@anthropic-ai/sdk/resources/beta/vaults/vaults';
import { Skills } from '@anthropic-ai/sdk/resources/skills/skills';

import { readAgent, readEnvironmentAnswer } from './agent.ts';
import type { Page } from './pages.ts';
import { fieldsOf, type Reading } from './reading.ts';
import { readEventAnswer, readSentEvents, readSessionAnswer } from './session.ts';
import { readSkillAnswer, readSkillVersionAnswer } from './skill.ts';
import { readCredentialAnswer, readTrial, readVault } from './vault.ts';

export type { ClientOptions } from '@anthropic-ai/sdk/client';
export { AnthropicError, APIConnectionError, APIError } from '@anthropic-ai/sdk/error';
export { oidcFederationProvider } from '@anthropic-ai/sdk/lib/credentials/oidc-federation';
// The client has it on board in any case.
export { VERSION as sdkVersion } from '@anthropic-ai/sdk/version';

/** The frames of a stream before the SDK's own rules: it drops those without `event:` and fails on data that is no JSON. */
export const rawEvents = Stream.rawEvents;

/** The parts of the official client that features see inside `read` and `change`, with answers that were read. */
export type Client = ReturnType<typeof connect>;

type Read<Thing> = (value: unknown, reading: Reading) => Thing;

/** A client with the resources that the product uses. */
export function connect(options: ClientOptions, reading: Reading) {
  const base = new BaseAnthropic(options);
  const [agents, environments, sessions, vaults] = [
    new Agents(base),
    new Environments(base),
    new Sessions(base),
    new Vaults(base),
  ];
  const [skills, betaSkills] = [new Skills(base), new BetaSkills(base)];
  const { credentials } = vaults;

  /** A request whose answer is one thing. */
  const one =
    <Words extends unknown[], Thing>(read: Read<Thing>, ask: (...words: Words) => PromiseLike<unknown>) =>
    async (...words: Words): Promise<Thing> =>
      read(await ask(...words), reading);
  /** A request whose answer says nothing that counts. */
  const done =
    <Words extends unknown[]>(ask: (...words: Words) => PromiseLike<unknown>) =>
    async (...words: Words): Promise<void> =>
      void (await ask(...words));
  /** A request for a list. The SDK would take null for an empty one, and fail on what is none. */
  const list = async <Item>(read: Read<Item>, ask: (cursor: { page?: string }) => Raw): Promise<Page<Item>> => {
    const page = async (cursor: { page?: string }): Promise<Page<Item>> => {
      const body = fieldsOf((await (await ask(cursor).asResponse()).json()) as unknown) ?? {};
      return {
        data: body['data'],
        next_page: body['next_page'],
        read: (item) => read(item, reading),
        after: (next) => page({ page: next }),
      };
    };
    return await page({});
  };

  return {
    beta: {
      agents: {
        create: one(readAgent, (...words: Parameters<Agents['create']>) => agents.create(...words)),
        retrieve: one(readAgent, (...words: Parameters<Agents['retrieve']>) => agents.retrieve(...words)),
        update: one(readAgent, (...words: Parameters<Agents['update']>) => agents.update(...words)),
        archive: one(readAgent, (...words: Parameters<Agents['archive']>) => agents.archive(...words)),
        list: (query: Parameters<Agents['list']>[0] = {}) =>
          list(readAgent, (cursor) => agents.list({ ...query, ...cursor })),
      },
      environments: {
        create: one(readEnvironmentAnswer, (...words: Parameters<Environments['create']>) =>
          environments.create(...words),
        ),
        retrieve: one(readEnvironmentAnswer, (...words: Parameters<Environments['retrieve']>) =>
          environments.retrieve(...words),
        ),
        update: one(readEnvironmentAnswer, (...words: Parameters<Environments['update']>) =>
          environments.update(...words),
        ),
        archive: one(readEnvironmentAnswer, (...words: Parameters<Environments['archive']>) =>
          environments.archive(...words),
        ),
        list: (query: Parameters<Environments['list']>[0] = {}) =>
          list(readEnvironmentAnswer, (cursor) => environments.list({ ...query, ...cursor })),
      },
      sessions: {
        create: one(readSessionAnswer, (...words: Parameters<Sessions['create']>) => sessions.create(...words)),
        retrieve: one(readSessionAnswer, (...words: Parameters<Sessions['retrieve']>) => sessions.retrieve(...words)),
        archive: one(readSessionAnswer, (...words: Parameters<Sessions['archive']>) => sessions.archive(...words)),
        list: (query: Parameters<Sessions['list']>[0] = {}) =>
          list(readSessionAnswer, (cursor) => sessions.list({ ...query, ...cursor })),
        events: {
          send: one(readSentEvents, (...words: Parameters<Sessions['events']['send']>) =>
            sessions.events.send(...words),
          ),
          /** What is in a stream is read frame by frame (event-stream.ts). */
          stream: (...words: Parameters<Sessions['events']['stream']>) => sessions.events.stream(...words),
          list: (
            id: string,
            query: Parameters<Sessions['events']['list']>[1] = {},
            how?: Parameters<Sessions['events']['list']>[2],
          ) => list(readEventAnswer, (cursor) => sessions.events.list(id, { ...query, ...cursor }, ownSignal(how))),
        },
      },
      skills: {
        versions: {
          download: (...words: Parameters<BetaSkills['versions']['download']>) =>
            betaSkills.versions.download(...words),
        },
      },
      vaults: {
        create: one(readVault, (...words: Parameters<Vaults['create']>) => vaults.create(...words)),
        retrieve: one(readVault, (...words: Parameters<Vaults['retrieve']>) => vaults.retrieve(...words)),
        update: one(readVault, (...words: Parameters<Vaults['update']>) => vaults.update(...words)),
        archive: one(readVault, (...words: Parameters<Vaults['archive']>) => vaults.archive(...words)),
        list: (query: Parameters<Vaults['list']>[0] = {}) =>
          list(readVault, (cursor) => vaults.list({ ...query, ...cursor })),
        credentials: {
          create: one(readCredentialAnswer, (...words: Parameters<Vaults['credentials']['create']>) =>
            credentials.create(...words),
          ),
          retrieve: one(readCredentialAnswer, (...words: Parameters<Vaults['credentials']['retrieve']>) =>
            credentials.retrieve(...words),
          ),
          update: one(readCredentialAnswer, (...words: Parameters<Vaults['credentials']['update']>) =>
            credentials.update(...words),
          ),
          archive: one(readCredentialAnswer, (...words: Parameters<Vaults['credentials']['archive']>) =>
            credentials.archive(...words),
          ),
          delete: done((...words: Parameters<Vaults['credentials']['delete']>) => credentials.delete(...words)),
          mcpOAuthValidate: one(readTrial, (...words: Parameters<Vaults['credentials']['mcpOAuthValidate']>) =>
            credentials.mcpOAuthValidate(...words),
          ),
          list: (id: string, query: Parameters<Vaults['credentials']['list']>[1] = {}) =>
            list(readCredentialAnswer, (cursor) => credentials.list(id, { ...query, ...cursor })),
        },
      },
    },
    skills: {
      create: one(readSkillAnswer, (...words: Parameters<Skills['create']>) => skills.create(...words)),
      retrieve: one(readSkillAnswer, (...words: Parameters<Skills['retrieve']>) => skills.retrieve(...words)),
      delete: done((...words: Parameters<Skills['delete']>) => skills.delete(...words)),
      list: (query: Parameters<Skills['list']>[0] = {}) =>
        list(readSkillAnswer, (cursor) => skills.list({ ...query, ...cursor })),
      versions: {
        create: one(readSkillVersionAnswer, (...words: Parameters<Skills['versions']['create']>) =>
          skills.versions.create(...words),
        ),
        retrieve: one(readSkillVersionAnswer, (...words: Parameters<Skills['versions']['retrieve']>) =>
          skills.versions.retrieve(...words),
        ),
        delete: done((...words: Parameters<Skills['versions']['delete']>) => skills.versions.delete(...words)),
        list: (id: string, query: Parameters<Skills['versions']['list']>[1] = {}) =>
          list(readSkillVersionAnswer, (cursor) => skills.versions.list(id, { ...query, ...cursor })),
      },
    },
  };
}

/** A request before the SDK looks at its answer. */
interface Raw {
  asResponse(): Promise<Response>;
}

/** The SDK listens to a signal until it has parsed the answer itself, which is never: each request has one of its own. */
function ownSignal<How extends { signal?: AbortSignal | null | undefined }>(how?: How): How | undefined {
  return how?.signal ? { ...how, signal: AbortSignal.any([how.signal]) } : how;
}
