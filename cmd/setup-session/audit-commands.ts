/** The words of `setup-session audit`. */
import { type Command, Option } from 'commander';
import { seconds } from '../../internal/cli/browser-options.ts';
import { addConfig, naming } from '../../internal/cli/command.ts';
import type { Run } from '../../internal/cli/program.ts';
import { AppError } from '../../internal/errors/app-error.ts';
import type { ExportFormat } from '../../internal/record/exported.ts';
import { count, moment, place } from './record-options.ts';

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

/** The options of `audit reconcile`. */
interface ReconcileOptions {
  record?: readonly string[];
  spans?: string;
}

/** The options of `audit pull`. */
interface PullOptions {
  since?: string;
  arguments?: boolean;
}

/** The options of `audit export`. */
interface ExportOptions {
  format?: ExportFormat;
  sink?: string;
  follow?: boolean;
  after?: number;
  syslog?: boolean;
  to?: string;
  tokenStdin?: boolean;
}

const exportFormats = ['jsonl', 'ocsf', 'cef', 'otlp'] as const satisfies readonly ExportFormat[];

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
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
    .addOption(naming('agents', new Option('--agent <agent>', 'only those of this agent, by name or id')))
    .option('--session <session>', 'only those in this session')
    .addOption(naming('services', new Option('--service <service>', 'only calls of the tools of this service')))
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
  addConfig(
    audit
      .command('reconcile')
      .description(
        'say what is on the platform and was done by no act of the record; ends with 3 where there is something',
      )
      .option('--record <folder>', 'also the record of another machine (repeatable)', collect)
      .option('--spans <file>', 'also spans that the platform exported: OTLP as JSON, a request a line'),
  ).action(
    run(async (context, { record: records = [], spans }: ReconcileOptions) => {
      const { reconcilePlatform } = await import('../../internal/run/use-cases/reconcile.ts');
      const { showReconciled } = await import('./audit-output.ts');
      return showReconciled(await context.perform(reconcilePlatform, { records: [...records], spans }));
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
  const exporting = audit
    .command('export')
    .description('copy the record in a format of other tools, to stdout or to a sink, which goes on where it was left')
    .addOption(
      new Option(
        '--format <format>',
        'how it is written; jsonl unless told, or as the sink of the configuration says',
      ).choices(exportFormats),
    )
    .option('--after <n>', 'only what comes after this line', place)
    .option('--syslog', 'each as a message of RFC 5424, framed by its length')
    .addOption(
      new Option('--to <url>', 'the sink: a collector by https, or a receiver by syslog+tls').conflicts('sink'),
    )
    .option('--sink <name>', 'the sink of this name in interface.yaml')
    .option('--token-stdin', 'enter the token that the sink wants')
    .option('--follow', 'go on with what is added')
    .option('--timeout <seconds>', 'how long to follow; without an end otherwise', seconds);
  addConfig(exporting).action(
    run(async (context, { format, after, syslog = false, to, sink, follow = false, tokenStdin }: ExportOptions) => {
      const { config, workspace } = context.options;
      if (sink === undefined && (config ?? workspace) !== undefined) {
        throw new AppError('usage', '--config and --workspace say where --sink is looked up');
      }
      const wanted = sink === undefined ? to : { name: sink };
      if (context.options.json === true && wanted === undefined) {
        throw new AppError('usage', 'the copies themselves go to stdout: --json says what went to a sink (--to)');
      }
      const { exportRecord } = await import('../../internal/run/use-cases/export-record.ts');
      const { showExported } = await import('./audit-output.ts');
      const request = { format, after, sink: wanted, syslog, follow, withToken: tokenStdin === true };
      return showExported(await context.perform(exportRecord, request));
    }),
  );
  audit
    .command('checkpoint')
    .description('sign how many lines the record has and what its last one is; keep it somewhere else')
    .action(
      run(async (context) => {
        const { checkpointRecord } = await import('../../internal/run/use-cases/record.ts');
        const { showCheckpoint } = await import('./audit-output.ts');
        return showCheckpoint(await context.perform(checkpointRecord, {}));
      }),
    );
}
