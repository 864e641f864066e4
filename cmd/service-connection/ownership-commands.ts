/** The words of `service-connection ownership`. */
import type { Command } from 'commander';
import { descriptor } from '../../internal/cli/browser-options.ts';
import { addConfig, addDryRun, addGroup } from '../../internal/cli/command.ts';
import type { Run } from '../../internal/cli/program.ts';
import type { KeygenOptions, SignOptions } from './ownership.ts';

/** Adds the commands of whoever holds the ownership key. */
export function addOwnership(program: Command, run: Run): void {
  const ownership = addGroup(program, 'ownership', 'keys and signatures that say whose vault it is');
  ownership
    .command('keygen')
    .description('make a key: its public part is printed, its private part goes into the keychain')
    .requiredOption('--kid <name>', 'how the key is called in ownership.keys')
    .option('--private-key-to-fd <n>', 'write the private key to this file descriptor instead', descriptor)
    .action(
      run(async (context, options: KeygenOptions) => {
        const { runKeygen } = await import('./ownership.ts');
        return await runKeygen(context, options);
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
    run(async (context, vault: string, options: SignOptions) => {
      const { runSign } = await import('./ownership.ts');
      return await runSign(context, vault, options);
    }),
  );
  addConfig(
    ownership
      .command('verify')
      .description('show every vault with an owner record and what its signature is worth')
      .argument('[vault]', 'only this one'),
  ).action(
    run(async (context, vault: string | undefined) => {
      const { runVerify } = await import('./ownership.ts');
      return await runVerify(context, vault);
    }),
  );
}

/** Adds the option of every command that may have to sign. */
export function addOwnershipKey(command: Command): Command {
  return command.option(
    '--ownership-key-fd <n>',
    'read the private key that owner records are signed with from this file descriptor',
    descriptor,
  );
}
