/** What services say of their tools: asking them, and what waits for a review since. Nobody is asked anything here. */

import { clock } from '../../clock/clock.ts';
import type { Service } from '../../config/definitions.ts';
import { reviewedHosts } from '../../config/hosts.ts';
import type { ListedOffer } from '../../connection/unlisted/add.ts';
import { AppError } from '../../errors/app-error.ts';
import { requirePerson } from '../../identity/principal.ts';
import type { Offer } from '../../offer/offered-tool.ts';
import { cut, inColumns, wrapped } from '../../text/fit.ts';
import { quote } from '../../text/quote.ts';
import { cardLines, type Described } from '../../tool-review/card.ts';
import { changesOf, hasChanged, mergeOffer, type ToolChange } from '../../tool-review/change.ts';
import { connectionsOfPerson, type Lister, listOffer, offerToAnybody } from '../../tool-review/list-tools.ts';
import { readToolsLock } from '../../tool-review/lock.ts';
import type { ToolsLock } from '../../tool-review/pinned.ts';
import { sheetHead, sheetPart } from '../../tool-review/sheet.ts';
import { readTexts } from '../../tool-review/texts.ts';
import { browserVisit } from '../browser-visit.ts';
import { clientSource } from '../client-source.ts';
import type { Ports } from '../ports.ts';
import { loadProject, openOperatorRun } from '../project.ts';
import { changeLock, readWaiting, servicesOf, type WaitingService } from '../tools-in-review.ts';
import type { TrustedConfiguration } from '../trusted-configuration.ts';
import type {
  DiffRequest,
  DiffResult,
  ExportedSheet,
  ExportRequest,
  Refreshed,
  RefreshRequest,
  RefreshResult,
} from '../values/tools.ts';

/** How many tools that cannot be reviewed are named one by one. */
const mostNamed = 20;

/** Lists the tools of services and writes the lock after each. A service that cannot be listed keeps its pin. */
export async function refreshTools(request: RefreshRequest, ports: Ports): Promise<RefreshResult> {
  const { service: name, signIn, dryRun } = request;
  const configuration = await loadProject(ports);
  const services = servicesOf(configuration, name);
  if (ports.descriptors.clientSecret !== undefined && name === undefined) {
    throw new AppError('usage', '--client-secret-fd is for one service', { hint: 'name it: tools refresh <service>' });
  }
  // Refused before anybody signs in: a lock that was edited is not written over.
  const lock = await readToolsLock(configuration);
  const lister = listerOnce(ports, configuration);
  const visit = browserVisit(ports, 'setup-session tools refresh', reviewedHosts(configuration));
  const { detail } = ports.tell;
  const done: Refreshed[] = [];
  const wouldSignIn: string[] = [];
  const failed: { service: string; error: AppError }[] = [];
  const wait = (text: string) => {
    const waiting = ports.tell.wait(text);
    if (services.length > 1) waiting.at(done.length + wouldSignIn.length + failed.length, services.length);
    return waiting;
  };
  for (const service of services) {
    const wantsAgain = (offer: Offer) => hasChanged(lock.get(service.name), offer);
    try {
      if (dryRun) {
        // A sign-in registers a client and grants an access: that is no plan any more.
        const listed = signIn ? undefined : await offerToAnybody({ service, visit, wantsAgain, wait });
        if (listed === undefined) wouldSignIn.push(service.name);
        else done.push(await pinned(ports, configuration.folder, service, listed, lock));
        continue;
      }
      const listed = await listOffer({ service, visit, signIn, lister, wantsAgain, wait, detail });
      done.push(await pinned(ports, configuration.folder, service, listed));
    } catch (error) {
      if (!(error instanceof AppError) || error.code === 'interrupted' || error.code === 'bug') throw error;
      if (services.length === 1) throw error;
      ports.tell.warn(`${service.name} could not be listed: ${error.message}`);
      failed.push({ service: service.name, error });
    }
  }
  const [first] = failed;
  if (first === undefined) return dryRun ? { services: done, would_sign_in_at: wouldSignIn } : { services: done };
  const names = failed.map(({ service }) => service).join(', ');
  throw new AppError(
    first.error.code,
    `${failed.length} of ${services.length} services could not be listed: ${names}`,
    {
      hint: `their pins are as they were${dryRun ? '' : ', the others are written'}; one at a time: setup-session tools refresh ${first.service}`,
      cause: first.error,
    },
  );
}

/** Shows what waits for a review. */
export async function diffTools({ service }: DiffRequest, ports: Ports): Promise<DiffResult> {
  const configuration = await loadProject(ports);
  const { services, moved, unpinned } = await readWaiting(configuration, service);
  const columns = ports.screen.columns ?? usualColumns;
  return {
    changes: services.flatMap(({ others, agreed }) =>
      [...others, ...agreed].map(({ change, counts, suspicions, tool, before }) => ({
        service: change.service,
        tool: change.name,
        change: change.kind,
        counts_as: counts,
        suspicions: suspicions.map(({ kind, why }) => ({ kind, why })),
        offered: change.kind === 'gone' || tool === undefined ? null : { ...tool },
        reviewed: before === undefined ? null : { ...before },
        reviewed_by: change.pinned.review?.by ?? null,
        reviewed_at: change.pinned.review?.at ?? null,
      })),
    ),
    moved: moved.map(({ name }) => name),
    not_pinned: unpinned.map(({ name }) => name),
    beside: { lines: services.flatMap((each) => waitingLines(each, columns)) },
  };
}

/** The review sheet of what waits. */
export async function exportToolSheet({ service }: ExportRequest, ports: Ports): Promise<ExportedSheet> {
  const configuration = await loadProject(ports);
  const { services } = await readWaiting(configuration, service);
  const parts = services.flatMap(({ service: { name }, url, agreed, others }) => sheetPart(name, url, agreed, others));
  return {
    sheet: [...sheetHead(clock.now()), ...parts].join('\n'),
    waiting: services.reduce((sum, { agreed, others }) => sum + agreed.length + others.length, 0),
  };
}

/** How wide a screen is of which nobody knows it. */
export const usualColumns = 80;

/** What waits at one service, as lines. */
export function waitingLines({ service, agreed, others }: WaitingService, columns: number): string[] {
  const described: Described = new Map();
  const noneListed = [...others, ...agreed].some((each) => each.noneListed);
  return [
    cut(`${service.name}: ${others.length + agreed.length} wait for a review`, columns),
    ...(noneListed
      ? wrapped(`config/services/${service.name}.yaml lists none of them, so they stay off`, columns - 2).map(
          (line) => `  ${line}`,
        )
      : []),
    ...others.flatMap((each) => cardLines(each, columns, described)),
    ...(agreed.length === 0
      ? []
      : [
          `${agreed.length} that read by their hints, names and schemas`,
          ...inColumns(
            agreed.map(({ change }) => change.name),
            columns - 2,
          ).map((line) => `  ${line}`),
        ]),
  ];
}

/** Opens a person's run at the first service that wants to know who asks, and not before. */
function listerOnce(ports: Ports, configuration: TrustedConfiguration) {
  let opened: Promise<Lister> | undefined;
  return () => {
    opened ??= (async () => {
      const run = await openOperatorRun(ports, configuration, 'setup-session tools refresh', { opensService: true });
      requirePerson(run.principal, 'sign in at a service to see its tools');
      const connections = await connectionsOfPerson(run, run.principal);
      return { visit: run.visit, clients: await clientSource(ports), connections };
    })();
    return opened;
  };
}

/** Writes what a service offers into the lock, or only says what that would come to. */
async function pinned(
  ports: Ports,
  folder: string,
  { name, mcp_server_url: url }: Service,
  { offer, again }: ListedOffer,
  plan?: ToolsLock,
): Promise<Refreshed> {
  const { tell } = ports;
  for (const { name: tool, why } of offer.leftOut.slice(0, mostNamed)) {
    tell.warn(`${name}: ${quote(tool)} cannot be reviewed and is off: ${why}`);
  }
  const more = offer.leftOut.length - mostNamed;
  if (more > 0) tell.warn(`${name}: ${more} more tools cannot be reviewed and are off`);
  const merge = async (lock: ToolsLock) => {
    const before = lock.get(name);
    // What was said before is compared only where it is another now.
    const texts = hasChanged(before, offer) ? await readTexts(folder, name, before?.texts) : undefined;
    const merged = mergeOffer(before, url, offer, { known: (digest) => texts?.tool(digest), again });
    lock.set(name, { ...merged, texts: before?.texts });
    const fresh = new Map([...offer.tools.values()].map((tool) => [tool.sha256, tool]));
    return new Map([[name, (digest: string) => fresh.get(digest)?.text]]);
  };
  let after = plan;
  if (after === undefined) {
    await changeLock(ports, folder, undefined, async (lock) => {
      after = lock;
      return await merge(lock);
    });
  } else await merge(after);
  const changes = changesOf(name, after ?? new Map());
  return {
    service: name,
    listed: offer.tools.size,
    ...byKind(changes),
    left_out: offer.leftOut,
  };
}

function byKind(changes: readonly ToolChange[]) {
  const names = (kind: ToolChange['kind']) => changes.filter((each) => each.kind === kind).map(({ name }) => name);
  return { new: names('new'), changed: names('changed'), varying: names('varying'), gone: names('gone') };
}
