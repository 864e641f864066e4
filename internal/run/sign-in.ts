/** Signing in, signing out, and being told who one is. The platform is asked for nothing. */

import type { CommandContext, CommandResult } from '../cli/program.ts';
import { showSignedIn, showSignedOut, showSignOutPlan, showWhoami } from '../cli/sign-in-output.ts';
import type { Configuration } from '../config/definitions.ts';
import { reviewedHosts } from '../config/hosts.ts';
import { AppError } from '../errors/app-error.ts';
import { unmet } from '../identity/assurance.ts';
import { keptNowhere } from '../identity/kept-sign-in.ts';
import { forgetPerson } from '../identity/last-person.ts';
import { quote } from '../text/quote.ts';
import { type BrowserOptions, browserVisit } from './browser-visit.ts';
import { beginOperatorProof, loadProject, locateProject } from './project.ts';
import { signInKeeping } from './sign-in-place.ts';

/** The options of `whoami`. */
export interface WhoamiOptions {
  explain?: boolean;
}

/** The options of `logout`. */
export interface LogoutOptions {
  dryRun?: boolean;
}

/** Signs in, whoever may be signed in already. */
export async function runLogin(
  context: CommandContext,
  options: BrowserOptions,
  executable: string,
): Promise<CommandResult> {
  const configuration = await loadProject(context, { workspace: 'any' });
  requireSso(configuration, 'sign in to');
  const command = `${executable} login`;
  const visit = browserVisit(context, options, command, reviewedHosts(configuration));
  const proof = await beginOperatorProof(context, configuration, visit);
  const proven = await proof.prove({ sign: 'always', byCode: options.device === true, command });
  const { place, instead } = await signInKeeping(context, configuration.interface.identity);
  if (place === undefined) context.progress.warn([keptNowhere, instead].filter(Boolean).join('; '));
  const { missingGroups } = proven.principal;
  if (missingGroups !== undefined) context.progress.warn(missingGroups);
  return showSignedIn(proven);
}

/** Forgets what is kept. */
export async function runLogout(
  context: CommandContext,
  { dryRun = false }: LogoutOptions,
  executable: string,
): Promise<CommandResult> {
  const configuration = await loadProject(context, { workspace: 'any' });
  const identity = requireSso(configuration, 'sign out of');
  const { cache, state } = await context.directories();
  // Who was here last is asked about as long as their sign-in may still be there.
  const forget = () => forgetPerson({ identity, stateFolder: state });
  const { place } = await signInKeeping(context, identity);
  if (place === undefined) {
    if (!dryRun) await forget();
    return showSignedOut(undefined, undefined);
  }
  const visit = browserVisit(context, {}, `${executable} logout`, reviewedHosts(configuration));
  const { planSignOut, signOut } = await import('../identity/sign-out.ts');
  if (dryRun) return showSignOutPlan(await planSignOut({ identity, visit, place, cacheFolder: cache }), place.called);
  const done = await signOut({ identity, visit, place, cacheFolder: cache, stateFolder: state });
  if (!done.removed) {
    throw new AppError('keychain_unavailable', `${place.called} cannot be used: ${quote(done.unusable ?? '')}`, {
      hint: 'what it may keep of a sign-in is still there; make it available and run the command again',
    });
  }
  await forget();
  return showSignedOut(done, place.called);
}

/** Says who the run would be for. Nobody is asked to sign in: it ends with 4 where somebody would have to be. */
export async function runWhoami(
  context: CommandContext,
  { explain = false }: WhoamiOptions,
  executable: string,
): Promise<CommandResult> {
  const place = await locateProject(context);
  const configuration = await loadProject(context, { workspace: 'any' });
  const visit = browserVisit(context, {}, `${executable} whoami`, reviewedHosts(configuration));
  const proof = await beginOperatorProof(context, configuration, visit);
  const proven = await proof.prove({ sign: 'never', command: `${executable} login` });
  const { identity } = configuration.interface;
  const required = identity.mode === 'sso' ? identity.require : undefined;
  const { assurance } = proven.principal;
  const lacking = required && assurance && unmet(assurance, required, new Date());
  if (!explain) return showWhoami(proven, lacking, undefined);
  const { explainSettings } = await import('./explain.ts');
  return showWhoami(proven, lacking, await explainSettings(context, configuration, place));
}

function requireSso({ interface: { identity } }: Configuration, what: string) {
  if (identity.mode === 'sso') return identity;
  throw new AppError('usage', `there is nothing to ${what}: identity.mode is ${quote(identity.mode)}`, {
    hint: 'whoami shows who you are',
  });
}
