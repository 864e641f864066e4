/** The words of `login`, `logout` and `whoami`, the same for every executable that needs to know who is operating. */
import { type Command, Option } from 'commander';
import { addOperator } from '../../internal/cli/browser-options.ts';
import { addConfig, addDryRun } from '../../internal/cli/command.ts';
import type { Run } from '../../internal/cli/program.ts';

/** Adds the three commands. */
export function addSignIn(program: Command, run: Run): void {
  addOperator(program.command('login').description('sign in, once for all that follows, and keep it in the keychain'))
    .addOption(
      new Option('--device', 'sign in by entering a code in any browser, where the provider has that').conflicts(
        'paste',
      ),
    )
    .action(
      run(async (context) => {
        const { login } = await import('../../internal/run/use-cases/sign-in.ts');
        const { showSignedIn } = await import('./sign-in-output.ts');
        return showSignedIn(await context.perform(login, {}));
      }),
    );
  addDryRun(
    addConfig(program.command('logout').description('forget the sign-in that is kept, and end it at the provider')),
  ).action(
    run(async (context, { dryRun = false }: { dryRun?: boolean }) => {
      const { logout } = await import('../../internal/run/use-cases/sign-in.ts');
      const { showSignedOut } = await import('./sign-in-output.ts');
      return showSignedOut(await context.perform(logout, { dryRun }));
    }),
  );
  addConfig(
    program.command('whoami').description('show who you are to these tools, and what proves it; signs nobody in'),
  )
    .option('--explain', 'show where every setting comes from')
    .action(
      run(async (context, { explain = false }: { explain?: boolean }) => {
        const { whoami } = await import('../../internal/run/use-cases/sign-in.ts');
        const { showWhoami } = await import('./sign-in-output.ts');
        return showWhoami(await context.perform(whoami, { explain }), context);
      }),
    );
}
