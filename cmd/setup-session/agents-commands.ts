/** The words of `setup-session agents`. */
import { Argument, type Command, Option } from 'commander';
import { addConfig, addDryRun, addGroup, naming } from '../../internal/cli/command.ts';
import type { Run } from '../../internal/cli/program.ts';

/** The options of `agents apply`. */
interface ApplyOptions {
  dryRun?: boolean;
  overwrite?: boolean;
  adopt?: boolean;
}

/** The options of `agents adopt`. */
interface AdoptOptions {
  dryRun?: boolean;
  name?: string;
  environment?: string;
  group?: string[];
}

/** The options of `agents retire`. */
interface RetireOptions {
  dryRun?: boolean;
  stop?: boolean;
  yesRetire?: string;
}

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
      const { planAgents } = await import('../../internal/run/use-cases/agents.ts');
      const { showPlan } = await import('./agents-output.ts');
      return showPlan(await context.perform(planAgents, { names }));
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
      const { applyAgents } = await import('../../internal/run/use-cases/agents.ts');
      const { showApplied } = await import('./agents-output.ts');
      const { overwrite = false, adopt = false, dryRun = false } = options;
      return showApplied(await context.perform(applyAgents, { names, overwrite, adopt, dryRun }), dryRun);
    }),
  );
  addConfig(
    agents
      .command('list')
      .description('every agent of the files and of the workspace, and how they stand to each other'),
  ).action(
    run(async (context) => {
      const { listAgents } = await import('../../internal/run/use-cases/agents.ts');
      const { showList } = await import('./agents-output.ts');
      return showList(await context.perform(listAgents, {}));
    }),
  );
  addConfig(
    agents
      .command('show')
      .description('what one agent may do by its file, who may use it, and how it differs on the platform')
      .addArgument(naming('agents', new Argument('<name>', 'an agent of config/agents/'))),
  ).action(
    run(async (context, name: string) => {
      const { showAgent } = await import('../../internal/run/use-cases/agents.ts');
      const { showOne } = await import('./agents-output.ts');
      return showOne(await context.perform(showAgent, { name }));
    }),
  );
  addConfig(
    agents
      .command('create')
      .description('make the file of a new agent by questions, and show its plan')
      .argument('[name]', 'how it is called'),
  ).action(
    run(async (context, name: string | undefined) => {
      const { createAgent } = await import('../../internal/run/use-cases/create-agent.ts');
      const { showCreated } = await import('./agents-output.ts');
      return showCreated(await context.perform(createAgent, { name }));
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
      const { adoptAgent } = await import('../../internal/run/use-cases/adopt.ts');
      const { showAdopted } = await import('./agents-output.ts');
      const { name, environment, group: groups = [], dryRun = false } = options;
      return showAdopted(await context.perform(adoptAgent, { id, name, environment, groups, dryRun }));
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
      const { retireAgent } = await import('../../internal/run/use-cases/retire-agent.ts');
      const { showRetired } = await import('./agents-output.ts');
      const { stop = false, dryRun = false, yesRetire: confirmed } = options;
      return showRetired(await context.perform(retireAgent, { name, stop, dryRun, confirmed }));
    }),
  );
}
