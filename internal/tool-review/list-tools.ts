/**
 * Asks a service which tools it has. Tokens cannot be read back from a vault (P3): where a service wants to know who asks,
 * a new access is granted for it, and given back.
 */
import type { Service } from '../config/definitions.ts';
import { requireConnectable } from '../config/lookup.ts';
import type { ClientSource } from '../connection/client/client-source.ts';
import { type Connection, readConnections } from '../connection/credentials.ts';
import { giveBack } from '../connection/give-back.ts';
import { type ListedOffer, toolsForAnybody, toolsForPerson, type WantsAgain } from '../connection/unlisted/add.ts';
import type { Principal } from '../identity/principal.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import { findVault, type VaultDirectory } from '../vault/resolve.ts';

/** Who signs in where a service shows its tools to nobody else. */
export interface Lister {
  visit: BrowserVisit;
  clients: ClientSource;
  /** The connections in the lister's own vault: none of them may end with the access that is given back. */
  connections: readonly Connection[];
}

/** How to list the tools of one service. */
export interface Listing {
  service: Service;
  /** Asks without a token. */
  visit: BrowserVisit;
  /** Sign in also where tools are shown to anybody: some services show more to those whom they know. */
  signIn: boolean;
  /** Called only where somebody has to sign in at the service. */
  lister(): Promise<Lister>;
  /** Whether to ask once more, to see what differs between two lists of one moment. */
  wantsAgain: WantsAgain;
  wait(text: string): { done(): void };
  detail(text: string): void;
}

/** The tools of a service. Throws `service_refused` where they cannot be listed or are too many, or what signing in throws. */
export async function listOffer(listing: Listing): Promise<ListedOffer> {
  const { signIn, lister, detail } = listing;
  const openly = signIn ? undefined : await offerToAnybody(listing);
  if (openly === undefined) requireConnectable(listing.service);
  return openly ?? (await listSignedIn(listing, await lister(), detail));
}

/** The connections of a person's vault; none where there is no vault, and none is created. */
export async function connectionsOfPerson(directory: VaultDirectory, principal: Principal): Promise<Connection[]> {
  const vault = await findVault(directory, principal);
  return vault === undefined ? [] : await readConnections(directory.platform, vault.id);
}

/** What a service offers to anybody; undefined where it wants to know who asks. Throws `service_refused`. */
export async function offerToAnybody({
  service,
  visit,
  wantsAgain,
  wait,
}: Pick<Listing, 'service' | 'visit' | 'wantsAgain' | 'wait'>): Promise<ListedOffer | undefined> {
  const waiting = wait(`${service.name} is asked which tools it has`);
  return await toolsForAnybody({ mcpServerUrl: service.mcp_server_url, visit }, wantsAgain).finally(() =>
    waiting.done(),
  );
}

async function listSignedIn(
  { service, wantsAgain }: Pick<Listing, 'service' | 'wantsAgain'>,
  { visit, clients, connections }: Lister,
  detail: Listing['detail'],
) {
  const { warn } = visit;
  return await toolsForPerson(
    { mcpServerUrl: service.mcp_server_url, visit },
    { service, judgeServer: undefined },
    {
      clients,
      detail,
      wantsAgain,
      end: async (grant) => {
        await giveBack({ service, grant, account: undefined, connections, visit, warn });
      },
    },
  );
}
