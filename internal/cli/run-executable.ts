/**
 * Runs one command line from argv to exit code. What only an action or an error needs is loaded when there is one:
 * every start of every executable, `--version` and `--help` included, pays for what this file imports.
 */
import { type Command, CommanderError } from 'commander';
import type { ExitCode } from '../errors/exit-codes.ts';
import { handOn, pathOf, withSubcommands } from './command.ts';
import type { CommonOptions, Executable, Invocation, Run } from './program.ts';
import type { Complaint } from './report-error.ts';

/** How wide a help text is where no terminal says otherwise. */
const helpWidth = 80;

/** Runs an executable once and returns the code to exit with. Never throws and never exits by itself. */
export async function runExecutable(executable: Executable, invocation: Invocation): Promise<ExitCode> {
  let exit: ExitCode = 0;
  let options: CommonOptions = {};
  let program: Command | undefined;
  /** What enters the run again whose secrets are not to be printed, its error included. */
  let inRun: (<Result>(work: () => Result) => Result) | undefined;
  const run: Run =
    (action) =>
    async (...words) => {
      options = (words.at(-1) as Command).opts<CommonOptions>();
      const [{ act }, { beginSecrets }] = await Promise.all([import('./act.ts'), import('../secret/secret.ts')]);
      const besideServices = executable.namesServices === true && program !== undefined ? namesIn(program) : [];
      inRun = beginSecrets();
      exit = await inRun(() =>
        act(executable.name, invocation, { options, besideServices }, (context) =>
          action(context, ...([...words.slice(0, -2), options] as never)),
        ),
      );
    };

  let complaining: Command | undefined;
  try {
    program = await executable.build(run);
    handOn(program);
    for (const command of withSubcommands(program)) {
      const complain = (error: CommanderError) => {
        complaining = command;
        throw error;
      };
      command.exitOverride(complain).configureOutput({
        writeOut: (text) => void invocation.stdout.write(text),
        writeErr: () => {},
        // Left to itself, commander opens both of Node's streams to ask them.
        getOutHelpWidth: () => invocation.stdout.columns ?? helpWidth,
        getErrHelpWidth: () => helpWidth,
        getOutHasColors: () => false,
        getErrHasColors: () => false,
      });
    }
    await program.parseAsync(invocation.argv, { from: 'user' });
    return exit;
  } catch (error) {
    const usage = error instanceof CommanderError ? error : undefined;
    if (usage?.exitCode === 0) return 0;
    const { reportError } = await import('./report-error.ts');
    const failure = { error, usage: usage && complaintOf(usage, complaining) };
    const report = () => reportError(executable.name, failure, invocation, options);
    return await (inRun === undefined ? report() : inRun(report));
  }
}

function namesIn(program: Command): string[] {
  return program.commands.flatMap((command) => [command.name(), ...command.aliases()]);
}

/** Commander's complaint about a command line, with the command that it is about. */
function complaintOf({ code, message }: CommanderError, command: Command | undefined): Complaint {
  if (command === undefined) return { said: message, command: undefined };
  const path = pathOf(command);
  const [word = ''] = command.args;
  const commands = below(command);
  // A misspelled command is taken for an argument, and its options for those of the command above it.
  const instead = (only: boolean) => commands.length > 0 && /^[^-]/.test(word) && { instead: { word, commands, only } };
  switch (code) {
    case 'commander.help': {
      const names = command.commands.map((each) => each.name()).join(', ');
      return { said: `which of its commands? ${command.name()} has ${names}`, command: path };
    }
    case 'commander.unknownCommand':
    case 'commander.excessArguments':
      return { said: message, command: path, ...instead(command.registeredArguments.length === 0) };
    case 'commander.unknownOption': {
      const [first, ...advice] = message.split('\n');
      return { said: [`${first} of ${path}`, ...advice].join('\n'), command: path, ...instead(false) };
    }
    default:
      return { said: message, command: path };
  }
}

/** The commands that can be said behind this one, as the words that lead to them. */
function below(command: Command): string[] {
  const visible = command.createHelp().visibleCommands(command);
  return visible.flatMap((each) => [each.name(), ...below(each).map((words) => `${each.name()} ${words}`)]);
}
