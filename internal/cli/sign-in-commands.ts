/** The words of `login`, `logout` and `whoami`, the same for every executable that needs to know who is operating. */
import { type Command, Option } from 'commander';
import type { BrowserOptions } from '../run/browser-visit.ts';
import type { LogoutOptions, WhoamiOptions } from '../run/sign-in.ts';
import { addOperator } from './browser-options.ts';
import { addConfig, addDryRun } from './command.ts';
import type { Run } from './program.ts';

/** Adds the three commands. */
export function addSignIn(program: Command, run: Run): void {
  const executable = program.name();
  addOperator(program.command('login').description('sign in, once for all that follows, and keep it in the keychain'))
    .addOption(
      new Option('--device', 'sign in by entering a code in any browser, where the provider has that').conflicts(
        'paste',
      ),
    )
    .action(
      run(async (context, options: BrowserOptions) => {
        const { runLogin } = await import('../run/sign-in.ts');
        return await runLogin(context, options, executable);
      }),
    );
  addDryRun(
    addConfig(program.command('logout').description('forget the sign-in that is kept, and end it at the provider')),
  ).action(
    run(async (context, options: LogoutOptions) => {
      const { runLogout } = await import('../run/sign-in.ts');
      return await runLogout(context, options, executable);
    }),
  );
  addConfig(
    program.command('whoami').description('show who you are to these tools, and what proves it; signs nobody in'),
  )
    .option('--explain', 'show where every setting comes from')
    .action(
      run(async (context, options: WhoamiOptions) => {
        const { runWhoami } = await import('../run/sign-in.ts');
        return await runWhoami(context, options, executable);
      }),
    );
}
