/** What waits for a review in a configuration, as a whole, and how what was decided of it is written. */
import { clock } from '../clock/clock.ts';
import type { Configuration, Service } from '../config/definitions.ts';
import { reviewedHosts } from '../config/hosts.ts';
import { serviceNamed } from '../config/lookup.ts';
import { AppError } from '../errors/app-error.ts';
import { type Principal, requirePerson } from '../identity/principal.ts';
import { shapedDigest } from '../offer/shape.ts';
import { suspecting } from '../offer/suspicion.ts';
import { quote } from '../text/quote.ts';
import { byRisk, isAgreedRead, type ReviewedChange, reviewedChange } from '../tool-review/card.ts';
import {
  type Accepted,
  changesOf,
  neededTexts,
  recordReviews,
  reviewedClass,
  type ToolChange,
} from '../tool-review/change.ts';
import { changeToolsLock, type FileBeside, readToolsLock } from '../tool-review/lock.ts';
import { isAsReviewed, type PinnedService, type ToolsLock } from '../tool-review/pinned.ts';
import { readTexts, type Texts, textsToWrite } from '../tool-review/texts.ts';
import { isByKey, recorderFor, requireOperator } from './actor.ts';
import { browserVisit } from './browser-visit.ts';
import type { Ports } from './ports.ts';
import { beginOperatorProof } from './project.ts';
import type { TrustedConfiguration } from './trusted-configuration.ts';

/** Everything that waits at one service. */
export interface WaitingService {
  service: Service;
  /** The address of the server that was listed. */
  url: string;
  /** What reads by all accounts: it can be accepted together. */
  agreed: ReviewedChange[];
  /** All else, the worst first. */
  others: ReviewedChange[];
}

/** What waits in a configuration. */
export interface Waiting {
  services: WaitingService[];
  /** Services whose file names another server than the one that was listed. */
  moved: Service[];
  unpinned: Service[];
}

/** The services that are meant, by name. Throws `usage` for one that is not there. */
export function servicesOf(configuration: Configuration, name: string | undefined): Service[] {
  if (name !== undefined) return [serviceNamed(configuration, name)];
  return [...configuration.services.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Reads what waits, with its texts; of what was reviewed as it is, the tools of these names too. Throws `config_invalid`.
 */
export async function readWaiting(
  configuration: Configuration,
  name: string | undefined,
  also: readonly string[] = [],
): Promise<Waiting> {
  const lock = await readToolsLock(configuration);
  const services = servicesOf(configuration, name);
  const moved = services.filter((service) => isMoved(service, lock));
  const suspect = suspecting(clock.now());
  const waiting: WaitingService[] = [];
  for (const service of services) {
    const pinned = lock.get(service.name);
    if (pinned === undefined || moved.includes(service)) continue;
    const changes = [...changesOf(service.name, lock), ...reviewedOnes(service.name, pinned, also)];
    if (changes.length === 0) continue;
    const texts = await readTexts(configuration.folder, service.name, pinned.texts);
    const noneListed = !changes.some(({ name: each }) => isListed(each, service));
    const all = changes.map((change) =>
      reviewedChange(change, { ...countsAs(change, service), noneListed }, texts, suspect),
    );
    const agreed = all.filter(isAgreedRead);
    waiting.push({
      service,
      url: pinned.mcpServerUrl,
      // One alone is sooner read than agreed to.
      agreed: agreed.length > 1 ? agreed : [],
      others: all.filter((each) => agreed.length < 2 || !agreed.includes(each)).sort(byRisk),
    });
  }
  return { services: waiting, moved, unpinned: services.filter((service) => !lock.has(service.name)) };
}

/** Tools that are as they were reviewed: who says something else of one now reviews it once more. */
function reviewedOnes(service: string, { tools }: PinnedService, names: readonly string[]): ToolChange[] {
  return names.flatMap((name): ToolChange[] => {
    const pinned = tools.get(name);
    return pinned?.offered === true && isAsReviewed(pinned) ? [{ service, name, kind: 'changed', pinned }] : [];
  });
}

function countsAs(change: ToolChange, service: Service) {
  return {
    counts: reviewedClass(change, service.tools),
    listed: reviewedClass(change, service.tools, 'given'),
    isListed: isListed(change.name, service),
  };
}

function isListed(name: string, { tools }: Service): boolean {
  return [...tools.read, ...tools.write, ...tools.destructive].includes(name);
}

function isMoved({ name, mcp_server_url: url }: Service, lock: ToolsLock): boolean {
  const pinned = lock.get(name);
  return pinned !== undefined && pinned.mcpServerUrl !== url;
}

/** Proves who reviews. Throws what proving throws, and `not_allowed` for whoever may not. */
export async function reviewer(ports: Ports, configuration: TrustedConfiguration, command: string): Promise<Principal> {
  const visit = browserVisit(ports, command, reviewedHosts(configuration));
  const { principal } = await (await beginOperatorProof(ports, configuration, visit)).prove({ command });
  requirePerson(principal, 'review what tools do');
  if (!isByKey(configuration)) requireOperator(principal, configuration, 'review what tools do');
  return principal;
}

/** What was decided about one change. */
export interface Decision {
  reviewed: ReviewedChange;
  reason?: string | undefined;
  byShape?: boolean | undefined;
}

/** Writes what was decided, all of it at once. Throws `drift` where something was listed anew meanwhile; then nothing is written. */
export async function writeDecisions(
  ports: Ports,
  configuration: Configuration,
  by: Principal,
  decisions: readonly Decision[],
): Promise<void> {
  const accepted = decisions.map(({ reviewed, reason, byShape }): Accepted => {
    const { change, counts, listed, tool, places } = reviewed;
    return {
      change,
      class: reason === undefined ? counts : listed,
      reason,
      shape:
        byShape === true && tool !== undefined
          ? { places: [...places], digest: shapedDigest(tool, places) }
          : undefined,
    };
  });
  await changeLock(ports, configuration.folder, by, async (lock) => {
    const [otherwise] = recordReviews(lock, accepted, { by, at: clock.now() });
    if (otherwise === undefined) return undefined;
    throw new AppError('drift', `${quote(otherwise.name)} of ${quote(otherwise.service)} was listed anew meanwhile`, {
      hint: 'nothing of this answer was accepted; see what it is now: setup-session tools review',
    });
  });
  const unlisted = decisions.filter(({ reviewed }) => !reviewed.isListed && reviewed.change.kind !== 'gone');
  for (const service of new Set(unlisted.map(({ reviewed }) => reviewed.change.service))) {
    const names = unlisted.filter(({ reviewed }) => reviewed.change.service === service);
    const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
    const named = names.slice(0, 3).map(({ reviewed }) => quote(reviewed.change.name));
    ports.tell.warn(
      `${named.join(', ')}${more} ${names.length === 1 ? 'stays' : 'stay'} off: config/services/${service}.yaml does not list ${names.length === 1 ? 'it' : 'them'} under read, write or destructive`,
    );
  }
}

/** Puts back what was known of a change before somebody accepted it. */
export async function takeBack(
  ports: Ports,
  configuration: Configuration,
  by: Principal,
  { change }: ReviewedChange,
): Promise<void> {
  await changeLock(ports, configuration.folder, by, async (lock) => {
    const tools = lock.get(change.service)?.tools;
    const now = tools?.get(change.name);
    if (change.kind === 'gone') tools?.set(change.name, change.pinned);
    else if (now !== undefined)
      tools?.set(change.name, { ...now, review: change.pinned.review, shaped: change.pinned.shaped });
  });
}

/**
 * Changes the lock, and the texts of the services that the change says something new of. What the lock itself still held of
 * texts goes into files of their own.
 */
export async function changeLock(
  ports: Ports,
  folder: string,
  by: Principal | undefined,
  change: (lock: ToolsLock) => Promise<Map<string, (digest: string) => string | undefined> | undefined>,
): Promise<void> {
  const { signal } = ports;
  await changeToolsLock(folder, { signal, recorder: recorderFor(ports, by) }, async (lock) => {
    const said = (await change(lock)) ?? new Map<string, (digest: string) => string | undefined>();
    const touched = [...lock.keys()].filter((name) => said.has(name) || lock.get(name)?.texts !== undefined);
    const files = await Promise.all(touched.map((name) => neededOf(folder, name, lock, said.get(name))));
    return files.filter((file) => file !== undefined);
  });
}

async function neededOf(
  folder: string,
  name: string,
  lock: ToolsLock,
  fresh: ((digest: string) => string | undefined) | undefined,
): Promise<FileBeside | undefined> {
  const pinned = lock.get(name);
  if (pinned === undefined) return undefined;
  const all = neededTexts(pinned);
  const isFresh = all.every(({ digest }) => fresh?.(digest) !== undefined);
  const texts: Texts | undefined = isFresh ? undefined : await readTexts(folder, name, pinned.texts);
  const needed = all.flatMap(({ tool, digest }) => {
    const text = () => fresh?.(digest) ?? texts?.text(digest);
    return text() === undefined ? [] : [{ tool, digest, text: () => text() ?? '' }];
  });
  return await textsToWrite(folder, name, needed);
}
