/** The words of `login`, `logout` and `whoami`, the same for every executable that needs to know who is operating. */
import type { Command } from 'commander';
import type { BrowserOptions } from './browser-visit.ts';
import type { Run } from './program.ts';
import type { WhoamiOptions } from './sign-in.ts';

/** Adds the three commands. */
export function addSignIn(program: Command, run: Run): void {
  const executable = program.name();
  program
    .command('login')
    .description('sign in, once for all that follows, and keep it in the keychain')
    .option('--device', 'sign in by entering a code in any browser, where the provider has that')
    .action(
      run(async (context, options: BrowserOptions) => {
        const { runLogin } = await import('./sign-in.ts');
        return await runLogin(context, options, executable);
      }),
    );
  program
    .command('logout')
    .description('forget the sign-in that is kept, and end it at the provider')
    .action(
      run(async (context, options: BrowserOptions) => {
        const { runLogout } = await import('./sign-in.ts');
        return await runLogout(context, options, executable);
      }),
    );
  program
    .command('whoami')
    .description('show who you are to these tools, and what proves it; signs nobody in')
    .option('--explain', 'show where every setting comes from')
    .action(
      run(async (context, options: WhoamiOptions) => {
        const { runWhoami } = await import('./sign-in.ts');
        return await runWhoami(context, options, executable);
      }),
    );
}
