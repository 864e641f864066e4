/** The words of `setup-session`. Everything heavier is loaded when a command line has been understood. */
import { Option } from 'commander';
import { addBrowserOptions, source } from '../../internal/cli/browser-options.ts';
import { addConfig, addDryRun, baseCommand, naming } from '../../internal/cli/command.ts';
import { addCompletion } from '../../internal/cli/completion.ts';
import type { Executable } from '../../internal/cli/program.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import { quote } from '../../internal/text/quote.ts';
import { addSignIn } from '../shared/sign-in-commands.ts';
import { addTokenKey } from '../shared/token-key.ts';
import { addAgents } from './agents-commands.ts';
import { addAudit } from './audit-commands.ts';
import { addEnvironments } from './environments-commands.ts';
import { addExplain } from './explain-commands.ts';
import { addLive } from './live-commands.ts';
import { addMessage, dollars } from './message-options.ts';
import type { SetupOptions } from './setup.ts';
import { addTokens } from './token-commands.ts';
import { addTools } from './tools-commands.ts';

/** The options of `setup-session init`. */
interface InitOptions {
  /** Names with commas between them. */
  service?: string;
  dryRun?: boolean;
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** Starts a session that is bound to the vault of the person who runs it. */
export const setupSession: Executable = {
  name: 'setup-session',
  async build(run) {
    const program = addTokenKey(
      addBrowserOptions(
        addMessage(
          baseCommand('setup-session', 'start a session of an allow-listed agent, bound to your own vault').addOption(
            naming('agents', new Option('--agent <name>', 'an agent of config/agents/')),
          ),
        )
          .option('--as-agent', 'with the vault of the agent itself, where its file names you in autonomous.run_by')
          .option('--title <text>', 'a title for the session')
          .option(
            '--budget <dollars>',
            'the most that the session may cost at list price, kept by the platform',
            dollars,
          )
          .addOption(
            naming(
              'services',
              new Option(
                '--without <service>',
                'leave a service of the agent out, its server and its tools (repeatable)',
              ),
            ).argParser(collect),
          )
          .option(
            '--parent-token-fd <n>',
            'read the token of the session that begins this one: it may never do more than that one',
            source,
          )
          .option(
            '--dry-run',
            'show the verdict on every tool and what would be asked of the platform, change nothing',
          ),
      ),
    )
      .addHelpText(
        'after',
        `
The session gets your vault and no other, the agent version of its file, and
only the tools that the agent's file and your permissions both allow. The
agent is read and never changed: setup-session agents apply puts files in force.

Examples:
  setup-session --agent support                         print the session id
  setup-session --agent support --message - < question  and talk to it
  setup-session send <session> --message - < more       and go on
  setup-session --agent support --dry-run               what would be asked for
  setup-session explain --agent support                 who says what about each tool
  setup-session --agent support --without slack         where slack is not connected
  setup-session list                                    your sessions that run
  setup-session verify --stop                           stop what was changed behind your back
  setup-session login                                   sign in, once for what follows
  setup-session whoami                                  who you are, and what proves it
  setup-session init                                    write a starter config/`,
      )
      .action(
        run(async (context, options: SetupOptions) => {
          const { performSetup } = await import('./setup.ts');
          return await performSetup(context, options);
        }),
      );
    addDryRun(
      program
        .command('init')
        .description('write a commented starter configuration')
        .argument('[folder]', 'where to write it (default: config)')
        .option('--service <names>', 'write the files of these services only, such as slack,github'),
    ).action(
      run(async (context, folder: string | undefined, { service, dryRun = false }: InitOptions) => {
        const services = service?.split(',').map((name) => name.trim());
        if (services?.includes('') === true) {
          throw new AppError('usage', `${quote(service)} is not a list of services`, {
            hint: 'write it as --service slack,github',
          });
        }
        const { writeStarter } = await import('../../internal/run/use-cases/write-starter.ts');
        const { showStarter } = await import('./setup-output.ts');
        return showStarter(await context.perform(writeStarter, { folder, services, dryRun }));
      }),
    );
    addConfig(
      program
        .command('doctor')
        .description(
          'look whether all is in place before anybody is sent anywhere, and what the platform answers that is new',
        ),
    ).action(
      run(async (context) => {
        const { examineSetup } = await import('../../internal/run/use-cases/examine-setup.ts');
        const { showSetup } = await import('./setup-output.ts');
        return showSetup(await context.perform(examineSetup, {}));
      }),
    );
    addAgents(program, run);
    addEnvironments(program, run);
    addTools(program, run);
    addExplain(program, run);
    addLive(program, run);
    addAudit(program, run);
    addTokens(program, run);
    addSignIn(program, run);
    addCompletion(program, run);
    return program;
  },
};
