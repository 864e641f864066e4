/** The words of `setup-session audit`. */
import type { Command } from 'commander';
import type { Run } from '../../internal/cli/program.ts';
import { count, moment } from './record-options.ts';

/** The options of `audit show`. */
interface ShowOptions {
  subject?: string;
  act?: string;
  since?: string;
  last: number;
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
    .option('--act <act>', 'only those of this kind, such as session.create')
    .option('--since <time>', 'only those from this time on (RFC 3339)', moment)
    .option('--last <n>', 'as many at the most', count, shownAtOnce)
    .action(
      run(async (context, { subject, act, since, last }: ShowOptions) => {
        const { showRecord } = await import('../../internal/run/use-cases/record.ts');
        const { showActs } = await import('./audit-output.ts');
        return showActs(await context.perform(showRecord, { subject, act, since, last }));
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
