/** What there is to tell: calls that wait, over everybody's sessions, and connections that have to be made again. */
import { type JudgedIn, needOf } from '../../approval/judge-call.ts';
import { inParallel } from '../../async/in-parallel.ts';
import { clock } from '../../clock/clock.ts';
import { normalisedServerUrl } from '../../config/addresses.ts';
import type { Configuration } from '../../config/definitions.ts';
import { readCredential } from '../../connection/credentials.ts';
import type { Platform } from '../../platform/client.ts';
import { isLive, unlessMissing } from '../../platform/live.ts';
import type { Session } from '../../platform/sessions.ts';
import type { ToolCall } from '../../session/event.ts';
import { agentKey } from '../../session/facts.ts';
import { readState } from '../../session/session-state.ts';
import type { Workspace } from '../../stores/kept-text.ts';
import { isUrl } from '../../text/url.ts';
import { ownerOf } from '../../vault/owner.ts';
import { aboutAsk, type Notice } from './outbox.ts';

/** Where it is looked. */
export interface Place extends JudgedIn {
  platform: Platform;
  workspace: Workspace;
  /** Where people find the console. */
  origin: string;
}

/** A call that waits, and what is told of it. */
export interface FoundAsk {
  about: string;
  notice: Notice;
}

/** What is known of sessions that rest, so that those in which nothing happened are not read again. */
export type Known = Map<string, { updatedAt: string; readAt: number; asks: FoundAsk[] }>;

const atOnce = 5;
/** Whether a session was read lately enough where its time of change says that nothing happened: it is not known to say so always. */
const readAgainMs = 600_000;

/** All calls that wait in sessions of people: one request for each session that rests and is not known. */
export async function findAsks(place: Place, known: Known): Promise<FoundAsk[]> {
  const resting: Session[] = [];
  for await (const session of place.platform.sessions.list({ statuses: ['idle'] })) {
    if (isLive(session) && ownerOf(session.metadata) !== undefined) resting.push(session);
  }
  const ids = new Set(resting.map(({ id }) => id));
  for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
  const found = await inParallel(resting, atOnce, async (session) => {
    const before = known.get(session.id);
    const isKnown = before?.updatedAt === session.updated_at && clock.monotonic() - before.readAt < readAgainMs;
    if (isKnown) return before.asks;
    const state = await unlessMissing('listed', readState(place.platform, session));
    const calls = state?.kind === 'waiting' ? state.asks : [];
    const asks = await Promise.all(calls.map(async (call) => await foundAsk(place, session, call)));
    known.set(session.id, { updatedAt: session.updated_at, readAt: clock.monotonic(), asks });
    return asks;
  });
  return found.flat();
}

/** Neither the arguments nor the name of the tool is in it: both come from elsewhere, and the page shows them to whom they concern. */
async function foundAsk(place: Place, session: Session, call: ToolCall): Promise<FoundAsk> {
  const { approval } = await needOf(place, session, call);
  const { workspace, origin } = place;
  const approvers = approval?.approvers;
  return {
    about: aboutAsk(workspace, session.id, call.eventId),
    notice: {
      type: 'ask.waiting',
      timestamp: clock.now().toISOString(),
      data: {
        person: ownerOf(session.metadata),
        answered_by:
          approvers === undefined
            ? 'person'
            : { groups: approvers.groups, principals: approvers.principals, persons: approvers.persons },
        agent: session.metadata[agentKey] ?? session.agent.name,
        service: call.service ?? null,
        session: session.id,
        link: `${origin}/approvals`,
      },
    },
  };
}

/**
 * What is told of a credential that the platform could not renew; undefined where nobody is to be told: it is gone, of nobody,
 * or its person has connected again.
 */
export async function findReconnect(
  { platform, configuration, origin }: Pick<Place, 'platform' | 'configuration' | 'origin'>,
  { vault, credential, at }: { vault: string; credential: string; at: string },
): Promise<Notice | undefined> {
  const [owned, held] = await Promise.all([
    unlessMissing('given', platform.vaults.retrieve(vault)),
    unlessMissing('given', readCredential(platform, vault, credential)),
  ]);
  const person = owned === undefined || !isLive(owned) ? undefined : ownerOf(owned.metadata);
  if (person === undefined || held === undefined || held.archivedAt !== null) return undefined;
  if (Date.parse(held.record.connectedAt ?? '') > Date.parse(at)) return undefined;
  return {
    type: 'connection.needs_reconnect',
    timestamp: at,
    data: { person, service: serviceAt(held.mcpServerUrl, configuration), link: `${origin}/connections` },
  };
}

/** The name of a service by its address; null for what is in no catalogue. */
function serviceAt(address: string | undefined, { services }: Configuration): string | null {
  if (address === undefined || !isUrl(address)) return null;
  const wanted = normalisedServerUrl(address);
  for (const { name, mcp_server_url: url } of services.values()) if (normalisedServerUrl(url) === wanted) return name;
  return null;
}
