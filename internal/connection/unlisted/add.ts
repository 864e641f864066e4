/** Sees what a server that nobody catalogued offers, and writes the draft of its file. Nothing is stored in any vault. */
import { join } from 'node:path';
import { AppError } from '../../errors/app-error.ts';
import { revokeGrant } from '../../oauth/revoke.ts';
import { mostTools, type Offer, OfferReader } from '../../offer/offered-tool.ts';
import { createText } from '../../outside/files.ts';
import { type Exchange, listTools, TokenTurnedAway } from '../../outside/mcp.ts';
import { quote } from '../../text/quote.ts';
import { acquire } from '../acquire.ts';
import type { ClientSource } from '../client/client-source.ts';
import type { AcquireRequest, Grant } from '../grant.ts';
import type { UnlistedLookup, UnlistedServer } from './discover-unlisted.ts';
import { type DraftEvidence, draftText } from './draft.ts';

/** The server whose tools are listed. */
type ListedServer = Pick<UnlistedLookup, 'mcpServerUrl' | 'visit'>;

/** How a sign-in to see tools goes. */
interface ListingSignIn {
  clients: ClientSource;
  detail(text: string): void;
  /** Ends the access that was granted; revokes it unless told. */
  end?: (grant: Grant) => Promise<void>;
  wantsAgain?: WantsAgain | undefined;
}

/** What a server listed, and what it listed a moment later where that was asked for. */
export interface ListedOffer {
  offer: Offer;
  again: Offer | undefined;
}

/** Whether a list is to be asked for once more, to see what differs between two lists of one moment. */
export type WantsAgain = (offer: Offer) => boolean;

/** The tools that a server shows to anybody; undefined where it wants to know who asks. */
export async function toolsForAnybody(
  { mcpServerUrl, visit }: ListedServer,
  wantsAgain?: WantsAgain,
): Promise<ListedOffer | undefined> {
  try {
    return await readTools({ mcpServerUrl, token: undefined, fetch: visit.fetch, signal: visit.signal }, wantsAgain);
  } catch (error) {
    if (error instanceof TokenTurnedAway) return undefined;
    throw error;
  }
}

/** Throws `service_refused` where they cannot be listed, or are more than anybody reviews. */
async function readTools(exchange: Exchange, wantsAgain?: WantsAgain): Promise<ListedOffer> {
  const read = async (before?: OfferReader) => {
    let reader = new OfferReader(before);
    await listTools(exchange, {
      begin() {
        reader = new OfferReader(before);
        return reader;
      },
    });
    return { reader, offer: withinLimit(exchange.mcpServerUrl, reader.offer()) };
  };
  const { reader, offer } = await read();
  return { offer, again: wantsAgain?.(offer) === true ? (await read(reader)).offer : undefined };
}

function withinLimit(mcpServerUrl: string, offer: Offer): Offer {
  if (offer.count <= mostTools) return offer;
  throw new AppError(
    'service_refused',
    `${quote(new URL(mcpServerUrl).host)} lists ${offer.count} tools; more than ${mostTools} are not reviewed by anybody`,
    {
      hint: 'nothing was written; ask whoever runs the service for an address with fewer tools, such as one that only reads',
    },
  );
}

/** The tools that a server shows to a person who signs in. What is granted for that is given back before this returns. */
export async function toolsForPerson(
  { mcpServerUrl, visit }: ListedServer,
  { service, judgeServer }: Pick<UnlistedServer, 'service'> & Pick<AcquireRequest, 'judgeServer'>,
  { clients, detail, end = (grant) => revoke(grant, service.name, visit), wantsAgain }: ListingSignIn,
): Promise<ListedOffer> {
  let tools: ListedOffer | undefined;
  await acquire({
    service,
    visit,
    existing: undefined,
    left: undefined,
    newClient: true,
    clients,
    isClientForgotten: async () => false,
    scopeChoice: { kind: 'usual' },
    legacyEndpoints: false,
    judgeServer,
    detail,
    // Nothing of this outlives the run, so there is nothing to write down for the next one.
    asking: async () => {},
    giveBack: end,
    conclude: async (grant) => {
      try {
        const { accessToken: token } = grant;
        tools = await readTools({ mcpServerUrl, token, fetch: visit.fetch, signal: visit.signal }, wantsAgain);
      } finally {
        await end(grant);
      }
      return { ok: true, title: 'The tools were read', next: 'Nothing was stored. Go on in the terminal.' };
    },
  });
  if (tools === undefined) throw new AppError('bug', 'the flow ended without a result');
  return tools;
}

async function revoke(
  { accessToken, refreshToken, server, client }: Grant,
  name: string,
  visit: ListedServer['visit'],
) {
  const revoked = await revokeGrant(server, client, refreshToken ?? accessToken, visit);
  visit.warn(
    revoked
      ? `the access that ${quote(name)} had granted was given back`
      : `${quote(name)} still lists a granted access that nobody uses: remove it there`,
  );
}

/** Writes the draft and says where it is. Throws `config_exists`: what people have reviewed is never written over. */
export async function writeDraft(folder: string, name: string, evidence: DraftEvidence): Promise<string> {
  const path = join(folder, 'services', `${name}.yaml`);
  if (await createText(path, draftText(evidence))) return path;
  throw new AppError('config_exists', `${quote(path)} is there already, and is left as it is`, {
    hint: 'give the draft another name: --name <name>',
  });
}
