/** The yes of a person to a configuration that only lies where they stand. */
import { dirname } from 'node:path';
import { beliefsOf, changedBeliefs } from '../config/believed.ts';
import { confirmationsIn } from '../config/confirmations.ts';
import type { Configuration } from '../config/definitions.ts';
import { signerBeliefs } from '../config/signer-files.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';
import type { Ports } from './ports.ts';

/** How long the question waits. */
const questionTimeoutMs = 300_000;

/**
 * Returns where the person has seen whom this configuration has them believe, now or before. Throws `config_unconfirmed`
 * where they say no, or where nobody is there to ask.
 */
export async function requireConfirmed(ports: Ports, configuration: Configuration): Promise<void> {
  const { folder } = configuration;
  const confirmations = confirmationsIn((await ports.stores()).confirmations);
  const { ownership, session_tokens: tokens } = configuration.interface;
  const signers = [...(ownership?.signer === undefined ? [] : [ownership.signer]), ...(tokens?.signers ?? [])];
  const ofSigners = await Promise.all(signers.map(({ command }) => signerBeliefs(dirname(folder), command)));
  const beliefs = [...beliefsOf(configuration.interface), ...ofSigners.flat()];
  const before = await confirmations.read(folder);
  const changed = before && changedBeliefs(before.beliefs, beliefs);
  if (changed?.length === 0) return;

  const shown = (changed ?? beliefs.map(([what, value]) => `${what}: ${value}`)).map((line) => `  ${quote(line)}`);
  const what =
    before === undefined
      ? `the configuration ${quote(folder)} was found here and not named; it has you believe:`
      : `whom the configuration ${quote(folder)} has you believe has changed:`;
  if (ports.ask === undefined) {
    throw new AppError('config_unconfirmed', [what, ...shown, 'nobody is here to confirm that'].join('\n'), {
      hint: `name it: --config ${quote(folder)}, or that path in MAI_CONFIG`,
    });
  }
  for (const line of [what, ...shown]) ports.tell.warn(line);
  if (!(await ports.ask.yes('Do you trust these?', questionTimeoutMs))) {
    throw new AppError('config_unconfirmed', `the configuration ${quote(folder)} is not used: not confirmed`, {
      hint: 'ask whoever reviews it; or name another one: --config <folder>',
    });
  }
  await confirmations.write({ folder, beliefs }).catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error;
    ports.tell.warn(`your answer could not be kept, so the next run asks again: ${error.message}`);
  });
}
