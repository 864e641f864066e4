/** The words of `setup-session audit`. */
import type { Command } from 'commander';
import { addConfig } from '../../internal/cli/command.ts';
import type { Run } from '../../internal/cli/program.ts';
import { count, moment } from './record-options.ts';

/** The options of `audit show`. */
interface ShowOptions {
  subject?: string;
  act?: string;
  agent?: string;
  session?: string;
  service?: string;
  tool?: string;
  since?: string;
  last: number;
}

/** The options of `audit pull`. */
interface PullOptions {
  since?: string;
  arguments?: boolean;
}

const shownAtOnce = 100;

/** Adds the commands of whoever reads the record of this machine. */
export function addAudit(program: Command, run: Run): void {
  const audit = program
    .command('audit')
    .description('the record of what was changed from this machine, by whom, and how it ended');
  audit
    .command('show')
    .description('show the latest acts')
    .option('--subject <subject>', 'only those of this person or job')
    .option('--act <act>', 'only those of this kind, such as session.create, or tool.call')
    .option('--agent <agent>', 'only those of this agent, by name or id')
    .option('--session <session>', 'only those in this session')
    .option('--service <service>', 'only calls of the tools of this service')
    .option('--tool <tool>', 'only calls of this tool')
    .option('--since <time>', 'only those from this time on (RFC 3339)', moment)
    .option('--last <n>', 'as many at the most', count, shownAtOnce)
    .action(
      run(async (context, { subject, act, agent, session, service, tool, since, last }: ShowOptions) => {
        const { showRecord } = await import('../../internal/run/use-cases/record.ts');
        const { showActs } = await import('./audit-output.ts');
        const wanted = { subject, act, agent, session, service, tool, since, last };
        return showActs(await context.perform(showRecord, wanted));
      }),
    );
  addConfig(
    audit
      .command('pull')
      .description('write the tool calls that our sessions made into the record, each once, as the platform tells them')
      .option('--since <time>', 'only what happened from this time on (RFC 3339)', moment)
      .option('--arguments', 'also what the tools were called with, and not only its digest'),
  ).action(
    run(async (context, { since, arguments: withArguments = false }: PullOptions) => {
      const { pullCalls } = await import('../../internal/run/use-cases/pull-calls.ts');
      const { showPulled } = await import('./audit-output.ts');
      return showPulled(await context.perform(pullCalls, { since, withArguments }));
    }),
  );
  audit
    .command('verify')
    .description('read the whole record and say what is not as it was written; asks nobody')
    .option('--key <key...>', 'the key that checkpoints are verified with, from where you kept it')
    .option('--checkpoint <file...>', 'a checkpoint that you kept elsewhere')
    .action(
      run(async (context, { key = [], checkpoint = [] }: { key?: string[]; checkpoint?: string[] }) => {
        const { verifyRecord } = await import('../../internal/run/use-cases/record.ts');
        const { showVerified } = await import('./audit-output.ts');
        const { readNote } = await import('../../internal/cli/note-file.ts');
        const checkpoints = await Promise.all(checkpoint.map(readNote));
        return showVerified(await context.perform(verifyRecord, { keys: key, checkpoints }));
      }),
    );
  audit
    .command('checkpoint')
    .description('sign how many lines the record has and what its last one is; keep it somewhere else')
    .action(
      run(async (context) => {
        const { checkpointRecord } = await import('../../internal/run/use-cases/record.ts');
        const { showCheckpoint } = await import('./audit-output.ts');
        return showCheckpoint(await context.perform(checkpointRecord, {}), context.tell);
      }),
    );
}
