/** The words of `setup-session list`, `verify`, `attach` and `stop`. */
import { type Command, Option } from 'commander';
import { addOperator } from '../../internal/cli/browser-options.ts';
import { addDryRun } from '../../internal/cli/command.ts';
import type { Run } from '../../internal/cli/program.ts';
import type { BrowserOptions } from '../../internal/cli/terminal-browser.ts';
import type { AttachOptions, ListOptions, StopOptions, VerifyOptions } from './live.ts';
import { addMessage, duration } from './message-options.ts';
import type { AnswerOptions, SendOptions } from './talk.ts';

const everybody = "everybody's, for operators (people.operators in interface.yaml)";

/** Adds the commands that look at sessions that run. */
export function addLive(program: Command, run: Run): void {
  addOperator(
    program
      .command('list')
      .description('show your sessions that run: whose, with which agent, and what their tools may do')
      .option('--usage', 'also what each has used, as the platform tells it')
      .option('--all', everybody),
  ).action(
    run(async (context, options: ListOptions) => {
      const { runList } = await import('./live.ts');
      return await runList(context, options);
    }),
  );
  addOperator(
    addDryRun(
      program
        .command('verify')
        .description('compare your sessions that run with what was started; ends with 3 where one was changed')
        .argument('[session]', 'only this one')
        .option('--all', everybody)
        .option('--stop', 'interrupt and archive what was changed'),
    ),
  ).action(
    run(async (context, session: string | undefined, options: VerifyOptions) => {
      const { runVerify } = await import('./live.ts');
      return await runVerify(context, session, options);
    }),
  );
  addOperator(
    program
      .command('show')
      .description('show the turns of a session of yours, the calls made in it, what waits, and what it has used')
      .argument('<session>', 'its id'),
  ).action(
    run(async (context, session: string, options: BrowserOptions) => {
      const { runShow } = await import('./show.ts');
      return await runShow(context, session, options);
    }),
  );
  addOperator(
    program
      .command('attach')
      .description('show what was said in a session of yours, and follow it until its turn ends')
      .argument('<session>', 'its id')
      .option('--wait', 'also while a call waits, until somebody answers it'),
  ).action(
    run(async (context, session: string, options: AttachOptions) => {
      const { runAttach } = await import('./live.ts');
      return await runAttach(context, session, options);
    }),
  );
  addOperator(
    addMessage(
      program
        .command('send')
        .description('send a message to a session of yours, and print the answer as it streams')
        .argument('<session>', 'its id'),
    ),
  ).action(
    run(async (context, session: string, options: SendOptions) => {
      const { runSend } = await import('./talk.ts');
      return await runSend(context, session, options);
    }),
  );
  addOperator(
    program
      .command('answer')
      .description('say yes or no, once, to a call that a session of yours waits with')
      .argument('<session>', 'its id')
      .argument('<call>', 'the id of the call')
      .option('--yes', 'have it done')
      .addOption(new Option('--no <reason>', 'refuse it; the agent is told why').conflicts('yes'))
      .addOption(
        new Option('--result <text>', 'what a custom tool has given; - reads it from stdin').conflicts(['yes', 'no']),
      )
      .option('--digest <digest>', 'that of exactly these arguments, as they were shown; needed where no terminal is'),
  ).action(
    run(async (context, session: string, call: string, options: AnswerOptions) => {
      const { runAnswer } = await import('./talk.ts');
      return await runAnswer(context, session, call, options);
    }),
  );
  addOperator(
    addDryRun(
      program
        .command('stop')
        .description('end a session of yours: interrupt it where it runs, and archive it')
        .argument('[session]', 'its id')
        .option('--interrupt', 'only interrupt what it does; it can be gone on with')
        .addOption(
          new Option('--idle-for <time>', 'end every session of yours that was not used for so long, such as 7d')
            .argParser(duration)
            .conflicts('interrupt'),
        )
        .option('--all', everybody),
    ),
  ).action(
    run(async (context, session: string | undefined, options: StopOptions) => {
      const { runStop } = await import('./live.ts');
      return await runStop(context, session, options);
    }),
  );
}
