/** What whoever reviews the catalogue does: list tools, see what changed, record a review. */

import { typedLine } from '../../internal/cli/confirm.ts';
import type { CommandContext, CommandResult } from '../../internal/cli/program.ts';
import type { BrowserOptions, ClientOptions } from '../../internal/cli/terminal-browser.ts';
import { clock } from '../../internal/clock/clock.ts';
import type { Configuration, Service } from '../../internal/config/definitions.ts';
import { reviewedHosts } from '../../internal/config/hosts.ts';
import { serviceNamed } from '../../internal/config/lookup.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { type Principal, requirePerson } from '../../internal/identity/principal.ts';
import { isByKey, recorderFor, requireOperator } from '../../internal/run/actor.ts';
import { browserVisit } from '../../internal/run/browser-visit.ts';
import { clientSource } from '../../internal/run/client-source.ts';
import { beginOperatorProof, loadProject, openOperatorRun } from '../../internal/run/project.ts';
import type { TrustedConfiguration } from '../../internal/run/trusted-configuration.ts';
import { nearestHint } from '../../internal/text/nearest.ts';
import { quote } from '../../internal/text/quote.ts';
import {
  changeLines,
  changesOf,
  mergeOffer,
  recordReview,
  reviewedClass,
  type ToolChange,
} from '../../internal/tool-review/change.ts';
import { connectionsOfPerson, type Lister, listOffer, offerToAnybody } from '../../internal/tool-review/list-tools.ts';
import { formatToolsLock, readToolsLock, type ToolsLock, writeToolsLock } from '../../internal/tool-review/lock.ts';
import type { Offer } from '../../internal/tool-review/offered-tool.ts';
import {
  type Refreshed,
  showDiff,
  showRefreshed,
  showRefreshPlan,
  showReviewed,
  showReviewPlan,
} from './tools-output.ts';

/** The options of `tools refresh`. */
export type RefreshOptions = BrowserOptions & ClientOptions & { signIn?: boolean; dryRun?: boolean };

/** The options of `tools review`. */
export type ReviewOptions = BrowserOptions & { accept?: string[]; dryRun?: boolean };

/** How long the question about one tool waits: there is much to read. */
const questionTimeoutMs = 900_000;
/** How many tools that cannot be reviewed are named one by one. */
const mostNamed = 20;

/** Lists the tools of services and writes the lock after each. A service that cannot be listed keeps its pin. */
export async function runRefresh(
  context: CommandContext,
  name: string | undefined,
  options: RefreshOptions,
): Promise<CommandResult> {
  const configuration = await loadProject(context);
  const services = servicesOf(configuration, name);
  if (options.clientSecretFd !== undefined && name === undefined) {
    throw new AppError('usage', '--client-secret-fd is for one service', { hint: 'name it: tools refresh <service>' });
  }
  // Refused before anybody signs in: a lock that was edited is not written over.
  await readToolsLock(configuration.folder);
  const lister = listerOnce(context, configuration);
  const visit = browserVisit(context, 'setup-session tools refresh', reviewedHosts(configuration));
  const { detail, wait } = context.progress;
  const { signIn = false, dryRun = false } = options;
  const done: Refreshed[] = [];
  const wouldSignIn: string[] = [];
  const failed: { service: string; error: AppError }[] = [];
  for (const service of services) {
    try {
      if (dryRun) {
        // A sign-in registers a client and grants an access: that is no plan any more.
        const offer = signIn ? undefined : await offerToAnybody({ service, visit, wait });
        if (offer === undefined) wouldSignIn.push(service.name);
        else done.push((await merged(context, configuration, service, offer)).refreshed);
        continue;
      }
      const offer = await listOffer({ service, visit, signIn, lister, wait, detail });
      done.push(await pin(context, configuration, service, offer));
    } catch (error) {
      if (!(error instanceof AppError) || error.code === 'interrupted' || error.code === 'bug') throw error;
      if (services.length === 1) throw error;
      context.progress.warn(`${service.name} could not be listed: ${error.message}`);
      failed.push({ service: service.name, error });
    }
  }
  const [first] = failed;
  if (first === undefined) return dryRun ? showRefreshPlan(done, wouldSignIn) : showRefreshed(done);
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

/** Shows what waits for a review; asks nobody. */
export async function runDiff(context: CommandContext, name: string | undefined): Promise<CommandResult> {
  const configuration = await loadProject(context);
  const lock = await readToolsLock(configuration.folder);
  const services = servicesOf(configuration, name);
  const moved = services.filter((service) => isMoved(service, lock));
  return showDiff(
    services.flatMap((service) => changesOf(service.name, lock)),
    services.filter((service) => !lock.has(service.name)),
    moved,
  );
}

/** Records what a person reviewed: the tools that were named, or each after a question. */
export async function runReview(
  context: CommandContext,
  name: string | undefined,
  options: ReviewOptions,
): Promise<CommandResult> {
  const { accept, dryRun = false } = options;
  const configuration = await loadProject(context);
  const lock = await readToolsLock(configuration.folder);
  const services = servicesOf(configuration, name);
  for (const service of services.filter((each) => isMoved(each, lock))) {
    context.progress.warn(
      `${service.name} has another server than the one that was listed; first: setup-session tools refresh ${service.name}`,
    );
  }
  const waiting = services.flatMap((service) => (isMoved(service, lock) ? [] : changesOf(service.name, lock)));
  const changes = accept === undefined ? waiting : chosen(waiting, accept);
  if (changes.length === 0) return showReviewed([], 0);
  if (dryRun) return showReviewPlan(changes, accept !== undefined);
  if (accept === undefined && !context.interactive) {
    throw new AppError('sign_in_needed', `nobody is here to review ${changes.length} tools`, {
      hint: 'run it in a terminal, or read setup-session tools diff and name those that are right: --accept <name...>',
    });
  }
  const by = await reviewer(context, configuration);
  const accepted: ToolChange[] = [];
  for (const [index, change] of changes.entries()) {
    for (const line of changeLines(change)) context.progress.warn(line);
    const answer = accept === undefined ? await answerTo(context, configuration, change) : 'yes';
    if (answer === 'quit') return showReviewed(accepted, changes.length - index);
    if (answer === 'no') continue;
    await record(context, configuration, change, by);
    accepted.push(change);
  }
  return showReviewed(accepted, changes.length - accepted.length);
}

/** Whether the service's file names another server than the one whose tools are pinned. */
function isMoved({ name, mcp_server_url: url }: Service, lock: ToolsLock): boolean {
  const pinned = lock.get(name);
  return pinned !== undefined && pinned.mcpServerUrl !== url;
}

function servicesOf(configuration: Configuration, name: string | undefined): Service[] {
  if (name !== undefined) return [serviceNamed(configuration, name)];
  return [...configuration.services.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Opens a person's run at the first service that wants to know who asks, and not before. */
function listerOnce(context: CommandContext, configuration: TrustedConfiguration) {
  let opened: Promise<Lister> | undefined;
  return () => {
    opened ??= (async () => {
      const run = await openOperatorRun(context, configuration, 'setup-session tools refresh', {
        opensService: true,
      });
      requirePerson(run.principal, 'sign in at a service to see its tools');
      const connections = await connectionsOfPerson(run, run.principal);
      return { visit: run.visit, clients: await clientSource(context), connections };
    })();
    return opened;
  };
}

/** Writes what a service offers into the lock. */
async function pin(
  context: CommandContext,
  configuration: Configuration,
  service: Service,
  offer: Offer,
): Promise<Refreshed> {
  const { lock, changed, refreshed } = await merged(context, configuration, service, offer);
  if (changed) await writeToolsLock(configuration.folder, lock, recorderFor(context));
  return refreshed;
}

/** The lock with what a service offers, and what that comes to. */
async function merged(
  { progress }: CommandContext,
  { folder }: Configuration,
  { name, mcp_server_url: url }: Service,
  offer: Offer,
): Promise<{ lock: ToolsLock; changed: boolean; refreshed: Refreshed }> {
  for (const { name: tool, why } of offer.leftOut.slice(0, mostNamed)) {
    progress.warn(`${name}: ${quote(tool)} cannot be reviewed and is off: ${why}`);
  }
  const more = offer.leftOut.length - mostNamed;
  if (more > 0) progress.warn(`${name}: ${more} more tools cannot be reviewed and are off`);
  // Read again: a review beside this run is not undone.
  const lock = await readToolsLock(folder);
  const before = formatToolsLock(lock);
  lock.set(name, mergeOffer(lock.get(name), url, offer));
  const changed = formatToolsLock(lock) !== before;
  const refreshed = {
    service: name,
    listed: offer.tools.size,
    changes: changesOf(name, lock),
    leftOut: offer.leftOut,
  };
  return { lock, changed, refreshed };
}

/** The changes that were named. Throws `usage` for a name that none has, and for one that several services have. */
function chosen(waiting: readonly ToolChange[], names: readonly string[]): ToolChange[] {
  return [...new Set(names)].map((name) => {
    const [change, another] = waiting.filter((candidate) => candidate.name === name);
    if (change === undefined) {
      throw new AppError('usage', `no tool ${quote(name)} waits for a review`, {
        hint: nearestHint(name, [...new Set(waiting.map((candidate) => candidate.name))]).replace(
          'none are configured',
          'nothing does: see setup-session tools refresh',
        ),
      });
    }
    if (another === undefined) return change;
    throw new AppError('usage', `${quote(change.service)} and ${quote(another.service)} both have ${quote(name)}`, {
      hint: `name the service: setup-session tools review ${change.service} --accept <name...>`,
    });
  });
}

async function reviewer(context: CommandContext, configuration: Configuration): Promise<Principal> {
  const command = 'setup-session tools review';
  const visit = browserVisit(context, command, reviewedHosts(configuration));
  const { principal } = await (await beginOperatorProof(context, configuration, visit)).prove({ command });
  requirePerson(principal, 'review what tools do');
  if (!isByKey(configuration)) requireOperator(principal, configuration, 'review what tools do');
  return principal;
}

async function answerTo(
  context: CommandContext,
  configuration: Configuration,
  change: ToolChange,
): Promise<'yes' | 'no' | 'quit'> {
  const { name, kind } = change;
  const asked = clock.now().getTime();
  const question =
    kind === 'gone'
      ? `forget ${quote(name)}? [y/N/q]`
      : `accept ${quote(name)}, which counts as ${classOf(configuration, change)}? [y/N/q]`;
  const answer = (await typedLine(context, question, questionTimeoutMs)).trim();
  if (/^y(es)?$/i.test(answer)) return 'yes';
  if (/^q(uit)?$/i.test(answer)) return 'quit';
  // Nobody is there any more: the others would wait as long, one after the other.
  return answer === '' && clock.now().getTime() - asked >= questionTimeoutMs ? 'quit' : 'no';
}

async function record(
  context: CommandContext,
  configuration: Configuration,
  change: ToolChange,
  by: Principal,
): Promise<void> {
  // Read again: it took a person a while, and the review is of what was shown.
  const lock = await readToolsLock(configuration.folder);
  if (!recordReview(lock, change, { class: classOf(configuration, change), by, at: clock.now() })) {
    throw new AppError('drift', `${quote(change.name)} of ${quote(change.service)} was listed anew meanwhile`, {
      hint: 'it was not accepted; see what it is now: setup-session tools review',
    });
  }
  await writeToolsLock(configuration.folder, lock, recorderFor(context, by));
  const { tools } = serviceNamed(configuration, change.service);
  if (change.kind !== 'gone' && ![...tools.read, ...tools.write, ...tools.destructive].includes(change.name)) {
    context.progress.warn(
      `${quote(change.name)} stays off: config/services/${change.service}.yaml does not list it under read, write or destructive`,
    );
  }
}

function classOf(configuration: Configuration, change: ToolChange) {
  return reviewedClass(change, serviceNamed(configuration, change.service).tools);
}
