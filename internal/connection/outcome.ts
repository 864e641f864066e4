import type { Service } from '../config/definitions.ts';
import type { Principal } from '../identity/principal.ts';
import type { Outcome } from '../markup/callback-page.ts';
import type { Connected } from './connect.ts';

/** What a page says of a connection that was made: which account is now in whose vault, and what is left to know. */
export function outcomeOf(service: Service, principal: Principal, connected: Connected): Outcome {
  const { account, accountAccepted, vault, expiresAt, refreshable, notTried } = connected;
  const accepted = accountAccepted ? ' (accepted by name)' : '';
  return {
    ok: true,
    title: `${service.title ?? service.name} is connected`,
    facts: [
      ['Account', `${account?.name ?? 'not named by the service'}${accepted}`],
      ...(account?.workspace === undefined ? [] : [['Workspace', account.workspace] as const]),
      ['In the vault of', `${principal.label} (${vault.id})`],
      ...(refreshable || expiresAt === undefined
        ? []
        : [['Until', `${expiresAt.toISOString()}: the service gave nothing to renew it with`] as const]),
      ...(notTried === undefined ? [] : [['Tried', `not yet: ${notTried}`] as const]),
    ],
    next: 'Sessions that are yours can use it now. You can close this tab and go back to the terminal.',
  };
}
