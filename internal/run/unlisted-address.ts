/** An address that a person typed: refused, found in the catalogue, or confirmed by typing the domain it belongs to. */

import type { Configuration } from '../config/definitions.ts';
import { judgeUnlisted, type UnlistedJudgement } from '../connection/unlisted/unlisted.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';
import type { Ports } from './ports.ts';

/** An address that nobody catalogued and that passes for no other. */
export type UnlistedAddress = Extract<UnlistedJudgement, { kind: 'unlisted' }>;

/** The address, if it is a stranger's. Throws `not_allowed` where it passes for another, `usage` where it is catalogued. */
export function unlistedAddress(ports: Ports, configuration: Configuration, text: string): UnlistedAddress {
  const sandbox = ports.environment.MAI_ALLOW_LOOPBACK_HTTP === '1';
  const judged = judgeUnlisted(text, [...configuration.services.values()], sandbox);
  switch (judged.kind) {
    case 'unlisted':
      return judged;
    case 'listed':
      throw new AppError('usage', `${quote(text)} is in the catalogue`, {
        hint: `use its name: service-connection ${judged.service}`,
      });
    case 'refused':
      throw new AppError('not_allowed', `this address is not used: ${judged.why}`, {
        hint: 'compare it with what the service itself publishes; whoever reviews the configuration can catalogue it',
      });
  }
}

/**
 * Has the domain typed: nothing else is a yes, and no flag stands in for it, since a program may have been told to run
 * this. Throws `sign_in_needed` where nobody is at a terminal, `not_allowed` where something else was typed.
 */
export async function confirmAddress(
  ports: Ports,
  { host, unicode, domain, warnings }: UnlistedAddress,
  { purpose, command, timeoutMs }: { purpose: string; command: string; timeoutMs: number },
): Promise<void> {
  if (ports.ask === undefined) {
    throw new AppError('sign_in_needed', `nobody is here to confirm that ${quote(host)} is meant`, {
      hint: `only a person at a terminal can do that, and no flag can: ${command}`,
    });
  }
  const { warn } = ports.tell;
  warn(`nobody has reviewed ${quote(host)}${unicode === undefined ? '' : `, which reads ${quote(unicode)}`}`);
  for (const warning of warnings) warn(`be careful: ${warning}`);
  const typed = await ports.ask.line(`to ${purpose}, type the domain it belongs to, ${domain}:`, timeoutMs);
  if (typed.trim().toLowerCase() === domain) return;
  throw new AppError('not_allowed', `${quote(host)} was not confirmed: nothing was asked there`, {
    hint: `type the domain exactly as it is shown: ${domain}`,
  });
}

/** Has a person choose one of several texts by its number; undefined for anything else. */
export async function chooseOne(
  ports: Ports,
  question: string,
  choices: readonly string[],
  timeoutMs: number,
): Promise<string | undefined> {
  ports.tell.warn(question);
  for (const [index, choice] of choices.entries()) ports.tell.warn(`  ${index + 1}  ${quote(choice)}`);
  return choices[Number(await ports.ask?.line('type its number:', timeoutMs)) - 1];
}
