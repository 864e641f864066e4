/** The words of `setup-session agents`. */
import { Argument, type Command, Option } from 'commander';
import { addConfig, addDryRun, addGroup, naming } from '../../internal/cli/command.ts';
import type { Run } from '../../internal/cli/program.ts';
import type { ApplyOptions } from './agents.ts';
import type { AdoptOptions } from './agents-adopt.ts';
import type { RetireOptions } from './agents-retire.ts';

/** Adds the commands of whoever makes agents. Nobody signs in to look; who changes something is an operator. */
export function addAgents(program: Command, run: Run): void {
  const agents = addGroup(
    program,
    'agents',
    'agents and environments as files: what is in config/agents/ and config/environments/ is in force',
  );
  addConfig(
    agents
      .command('plan')
      .description('show what apply would do; exits with 7 when something is pending, with 1 on drift')
      .addArgument(naming('agents', new Argument('[name...]', 'only these agents and their environments'))),
  ).action(
    run(async (context, names: string[]) => {
      const { runPlan } = await import('./agents.ts');
      return await runPlan(context, names);
    }),
  );
  addConfig(
    addDryRun(
      agents
        .command('apply')
        .description('create and update agents and environments as their files say')
        .addArgument(naming('agents', new Argument('[name...]', 'only these agents and their environments')))
        .option('--overwrite', 'put the files in force over changes made outside')
        .option('--adopt', 'take changes made outside into the files; nothing on the platform is changed'),
    ),
  ).action(
    run(async (context, names: string[], options: ApplyOptions) => {
      const { runApply } = await import('./agents.ts');
      return await runApply(context, names, options);
    }),
  );
  addConfig(
    agents
      .command('list')
      .description('every agent of the files and of the workspace, and how they stand to each other'),
  ).action(
    run(async (context) => {
      const { runList } = await import('./agents.ts');
      return await runList(context);
    }),
  );
  addConfig(
    agents
      .command('show')
      .description('what one agent may do by its file, who may use it, and how it differs on the platform')
      .addArgument(naming('agents', new Argument('<name>', 'an agent of config/agents/'))),
  ).action(
    run(async (context, name: string) => {
      const { runShow } = await import('./agents.ts');
      return await runShow(context, name);
    }),
  );
  addConfig(
    agents
      .command('create')
      .description('make the file of a new agent by questions, and show its plan')
      .argument('[name]', 'how it is called'),
  ).action(
    run(async (context, name: string | undefined) => {
      const { runCreate } = await import('./agents-create.ts');
      return await runCreate(context, name);
    }),
  );
  addConfig(
    addDryRun(
      agents
        .command('adopt')
        .description('write the file of an agent that is on the platform already, and list what it allows there')
        .argument('<agent id>', 'as agents list shows it')
        .option('--name <name>', 'how it is called here (default: its own name)')
        .addOption(
          naming(
            'environments',
            new Option('--environment <name>', 'the environment of its sessions (default: the only one, or default)'),
          ),
        )
        .option('--group <group...>', 'who may use it (default: nobody yet)'),
    ),
  ).action(
    run(async (context, id: string, options: AdoptOptions) => {
      const { runAdopt } = await import('./agents-adopt.ts');
      return await runAdopt(context, id, options);
    }),
  );
  addConfig(
    addDryRun(
      agents
        .command('retire')
        .description('archive an agent for good; refused while sessions of it can still act')
        .addArgument(
          naming('agents', new Argument('<name>', 'an agent that is on the platform, with a file or without')),
        )
        .option('--stop', 'end its sessions as well')
        .option('--yes-retire <name>', 'do it without a question if exactly this is the agent'),
    ),
  ).action(
    run(async (context, name: string, options: RetireOptions) => {
      const { runRetire } = await import('./agents-retire.ts');
      return await runRetire(context, name, options);
    }),
  );
}
