/** How whoever started a session had signed in, from the record: what rules ask for with `assurance`. */
import type { SignInOf } from '../approval/judge-call.ts';
import type { SessionStarts } from '../audit/session-starts.ts';
import type { Configuration } from '../config/definitions.ts';
import { clockMarginOf } from '../identity/assurance.ts';
import type { SignIn } from '../platform/actor.ts';
import type { SignInAtStart } from '../policy/rules/judge.ts';
import type { Workspace } from '../stores/kept-text.ts';
import type { Ports } from './ports.ts';

/** Looks in the record of this machine, from where it looked before, and only once a rule asks. */
export function signInsAtStart(
  { record }: Pick<Ports, 'record'>,
  workspace: Workspace,
  { interface: { identity } }: Configuration,
): SignInOf {
  let opened: SessionStarts | undefined;
  return async ({ id }) => {
    try {
      if (opened === undefined) {
        const { SessionStarts } = await import('../audit/session-starts.ts');
        opened ??= await SessionStarts.of(await record(), workspace);
      }
      const by = await opened.startedBy(id);
      if (by === undefined) return { unknown: 'the record of this machine has no start of this session' };
      return shownBy('subject' in by ? by : {}, identity.mode === 'sso' ? clockMarginOf(identity) : undefined);
    } catch (error) {
      return { failed: error instanceof Error ? error.message : String(error) };
    }
  };
}

/** A sign-in as the line of an act has it. */
export function shownBy({ acr, amr = [], auth_time: authTime }: SignIn, marginSeconds?: number): SignInAtStart {
  return { shown: { acr, amr, authTime, ...(marginSeconds !== undefined && { marginSeconds }) } };
}
