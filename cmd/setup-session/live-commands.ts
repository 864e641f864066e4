/** The words of `setup-session list`, `verify`, `attach`, `approvals` and `stop`. */
import { type Command, Option } from 'commander';
import { addOperator } from '../../internal/cli/browser-options.ts';
import { addConfig, addDryRun } from '../../internal/cli/command.ts';
import type { MessageOptions } from '../../internal/cli/message.ts';
import type { Run } from '../../internal/cli/program.ts';
import { addTokenKey } from '../shared/token-key.ts';
import { addMessage, duration, type TurnOptions } from './message-options.ts';
import type { StopOptions } from './stop.ts';
import type { AnswerOptions } from './talk-request.ts';

const everybody = "everybody's, for operators (people.operators in interface.yaml)";

/** The options of `verify`. */
interface VerifyOptions {
  all?: boolean;
  stop?: boolean;
  dryRun?: boolean;
}

/** Adds the commands that look at sessions that run. */
export function addLive(program: Command, run: Run): void {
  addOperator(
    program
      .command('list')
      .description('show your sessions that run: whose, with which agent, and what their tools may do')
      .option('--usage', 'also what each has used, as the platform tells it')
      .option('--all', everybody),
  ).action(
    run(async (context, { all = false, usage = false }: { all?: boolean; usage?: boolean }) => {
      const { listSessions } = await import('../../internal/run/use-cases/sessions.ts');
      const { showList } = await import('./live-output.ts');
      return showList(await context.perform(listSessions, { all, usage }));
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
      const { all = false, stop = false, dryRun = false } = options;
      const { verifySessions } = await import('../../internal/run/use-cases/sessions.ts');
      const { showVerified } = await import('./live-output.ts');
      return showVerified(await context.perform(verifySessions, { session, all, stop, dryRun }));
    }),
  );
  addOperator(
    program
      .command('show')
      .description('show the turns of a session of yours, the calls made in it, what waits, and what it has used')
      .argument('<session>', 'its id'),
  ).action(
    run(async (context, session: string) => {
      const { showSession } = await import('../../internal/run/use-cases/show-session.ts');
      const { showShown } = await import('./show-output.ts');
      return showShown(await context.perform(showSession, { session }));
    }),
  );
  addOperator(
    program
      .command('attach')
      .description('show what was said in a session of yours, and follow it until its turn ends')
      .argument('<session>', 'its id')
      .option('--wait', 'also while a call waits, until somebody answers it'),
  ).action(
    run(async (context, session: string, { wait = false }: { wait?: boolean }) => {
      const { attachSession } = await import('../../internal/run/use-cases/sessions.ts');
      const { showTurn } = await import('./output.ts');
      return showTurn(await context.perform(attachSession, { session, wait }));
    }),
  );
  addTokenKey(
    addOperator(
      addMessage(
        program
          .command('send')
          .description('send a message to a session of yours, and print the answer as it streams')
          .argument('<session>', 'its id')
          .option('--as-agent', 'to a session of the agent itself, where its file names you in autonomous.run_by'),
      ),
    ),
  ).action(
    run(async (context, session: string, options: MessageOptions & TurnOptions & { asAgent?: boolean }) => {
      const { messageToSend } = await import('./talk-request.ts');
      const message = await messageToSend(context, options);
      const { end = false, stopAfter, asAgent } = options;
      const { sendMessage } = await import('../../internal/run/use-cases/talk.ts');
      const { showTurn } = await import('./output.ts');
      return showTurn(await context.perform(sendMessage, { session, asAgent, message, end, stopAfter }));
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
      const { answerOf } = await import('./talk-request.ts');
      const answer = await answerOf(context, options);
      const { digest } = options;
      const { answerCall } = await import('../../internal/run/use-cases/talk.ts');
      const { showAnswer } = await import('./live-output.ts');
      return showAnswer(await context.perform(answerCall, { session, call, answer, digest }));
    }),
  );
  addOperator(
    program
      .command('approvals')
      .description(
        'show every call that waits for your yes or no: of your sessions, and of those whose calls you approve',
      )
      .option('--watch', 'go on, and tell each call when it comes; --timeout <seconds> ends it'),
  ).action(
    run(async (context, { watch = false }: { watch?: boolean }) => {
      const { listApprovals } = await import('../../internal/run/use-cases/approvals.ts');
      const { showApprovals } = await import('./live-output.ts');
      return showApprovals(await context.perform(listApprovals, { watch }), watch);
    }),
  );
  addTokenKey(
    addOperator(
      program
        .command('guard')
        .description(
          'answer calls that wait by config/rules/, and renew the tokens of sessions, for as long as it runs; what no rule lets through waits',
        )
        .argument('[session]', 'only those of this session')
        .option('--all', everybody),
    ),
  ).action(
    run(async (context, session: string | undefined, { all = false }: { all?: boolean }) => {
      const { guardCalls } = await import('../../internal/run/use-cases/guard.ts');
      const { showGuarded } = await import('./rules-output.ts');
      return showGuarded(await context.perform(guardCalls, { session, all }));
    }),
  );
  const rules = program.command('rules').description('rules for single calls that wait: config/rules/');
  addConfig(
    rules
      .command('test')
      .description('judge the calls in the record by a file of rules, and say for which it would change what happens')
      .argument('<file>', 'the file, in the place of the one of its name in config/rules/')
      .option('--calls <file>', 'the calls in this file instead: JSON lines with service, tool, agent and arguments'),
  ).action(
    run(async (context, file: string, { calls }: { calls?: string }) => {
      const { testRules } = await import('../../internal/run/use-cases/guard.ts');
      const { showTested } = await import('./rules-output.ts');
      return showTested(await context.perform(testRules, { file, calls }));
    }),
  );
  addTokenKey(
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
    ),
  ).action(
    run(async (context, session: string | undefined, options: StopOptions) => {
      const { performStop } = await import('./stop.ts');
      return await performStop(context, session, options);
    }),
  );
}
