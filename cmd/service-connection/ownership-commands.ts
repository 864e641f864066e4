/** The words of `service-connection ownership`. */
import type { Command } from 'commander';
import { descriptor, source } from '../../internal/cli/browser-options.ts';
import { addConfig, addDryRun, addGroup } from '../../internal/cli/command.ts';
import type { Run } from '../../internal/cli/program.ts';

/** The options of `ownership sign`. */
interface SignOptions {
  subject?: string;
  dryRun?: boolean;
}

/** Adds the commands of whoever holds the ownership key. */
export function addOwnership(program: Command, run: Run): void {
  const ownership = addGroup(program, 'ownership', 'keys and signatures that say whose vault it is');
  ownership
    .command('keygen')
    .description('make a key: its public part is printed, its private part goes into the keychain')
    .requiredOption('--kid <name>', 'how the key is called in ownership.keys')
    .option('--private-key-to-fd <n>', 'write the private key to this file descriptor instead', descriptor)
    .action(
      run(async (context, { kid }: { kid: string }) => {
        const { makeOwnershipKey } = await import('../../internal/run/use-cases/ownership.ts');
        const { showKey } = await import('./ownership-output.ts');
        return showKey(await context.perform(makeOwnershipKey, { kid }));
      }),
    );
  addOwnershipKey(
    addDryRun(
      addConfig(
        ownership
          .command('sign')
          .description('sign the owner record of a vault that you know to be of that person')
          .argument('<vault>', 'the id of the vault')
          .option('--subject <subject>', 'sign without a question if exactly this is the subject of its owner'),
      ),
    ),
  ).action(
    run(async (context, vault: string, { subject, dryRun = false }: SignOptions) => {
      const { signOwner } = await import('../../internal/run/use-cases/ownership.ts');
      const { showSigned } = await import('./ownership-output.ts');
      return showSigned(await context.perform(signOwner, { vault, subject, dryRun }));
    }),
  );
  addConfig(
    ownership
      .command('verify')
      .description('show every vault with an owner record and what its signature is worth')
      .argument('[vault]', 'only this one'),
  ).action(
    run(async (context, vault: string | undefined) => {
      const { verifyOwners } = await import('../../internal/run/use-cases/ownership.ts');
      const { showVerified } = await import('./ownership-output.ts');
      return showVerified(await context.perform(verifyOwners, { vault }));
    }),
  );
}

/** Adds the option of every command that may have to sign. */
export function addOwnershipKey(command: Command): Command {
  return command.option(
    '--ownership-key-fd <n>',
    'read the private key that owner records are signed with from this file descriptor, such as 0 for stdin',
    source,
  );
}
