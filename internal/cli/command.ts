/**
 * How commands are declared. The commander tree is the one table of command × option: a command takes what it declares
 * and nothing else, so its help, the completion scripts and the refusals say the same, and test/integration/options.test.ts
 * walks it. What stands before a command is handed on to it ({@link handOn}), and refused there where it declares no such
 * option.
 */
import { type Argument, Command, Help, Option } from 'commander';
import type { NameKind } from '../config/names.ts';
import type { AppError } from '../errors/app-error.ts';
import { version } from './version.ts';

/** Options that say how the rest is printed. `act.ts` reads them, whatever the command does. */
const printing: ReadonlySet<string> = new Set(['json', 'quiet', 'verbose', 'debug', 'color', 'jsonEvents']);

/** One object for each, which all commands share: making them anew for each command is a quarter of what a start costs. */
const printingOptions: readonly Option[] = [
  new Option('--json', 'print the result as one JSON value, and an error as one'),
  new Option('--json-events', 'say everything on stderr as one JSON object for each line'),
  new Option('-q, --quiet', 'say nothing but warnings and errors').conflicts(['verbose', 'debug']),
  new Option('-v, --verbose', 'say more'),
  new Option('--debug', 'say where an error was made'),
  new Option('--no-color', 'no color'),
];

/** A command, and each of its subcommands, with the options of {@link printing}. */
class PrintingCommand extends Command {
  constructor(name?: string) {
    super(name);
    // Each has --help, and nothing has two ways to ask for it.
    this.helpCommand(false);
    for (const option of printingOptions) this.addOption(option);
  }

  override createCommand(name?: string): Command {
    return new PrintingCommand(name);
  }
}

/** A commander program with the words that all three executables share. */
export function baseCommand(name: string, description: string): Command {
  const command = new PrintingCommand(name)
    .description(description)
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    // Options before a command are the program's, those behind it the command's own.
    .enablePositionalOptions()
    .configureHelp({
      // Below the others, under a heading of their own.
      showGlobalOptions: true,
      visibleOptions(this: Help, of) {
        return Help.prototype.visibleOptions.call(this, of).filter((option) => !isPrinting(option));
      },
      visibleGlobalOptions: (of) => of.options.filter(isPrinting),
    });
  return addConfig(command);
}

function isPrinting(option: Option): boolean {
  return printing.has(option.attributeName());
}

const kindsNamed = new WeakMap<Argument | Option, NameKind>();

/** Declares that an argument, or the value of an option, is the name of something: completion offers those that are there. */
export function naming<Word extends Argument | Option>(kind: NameKind, word: Word): Word {
  kindsNamed.set(word, kind);
  return word;
}

/** What a word is the name of, where it was declared. */
export function kindNamed(word: Argument | Option): NameKind | undefined {
  return kindsNamed.get(word);
}

/** A command that only has others below it, and hands on what stands before them. */
export function addGroup(program: Command, name: string, description: string): Command {
  return addConfig(program.command(name).description(description));
}

const configOptions: readonly Option[] = [
  new Option(
    '--config <folder>',
    'the configuration folder (default: MAI_CONFIG, then config/ here or above, then the user configuration)',
  ),
  new Option('--workspace <name>', 'which of its workspaces, where it names several (default: MAI_WORKSPACE)'),
];

/** Adds the options of every command that reads the configuration. */
export function addConfig(command: Command): Command {
  for (const option of configOptions) command.addOption(option);
  return command;
}

/**
 * Adds `--dry-run`: the command plans as ever, says what it would do, and changes nothing here or elsewhere. `acting` are
 * options that only count where something is done.
 */
export function addDryRun(command: Command, acting: string[] = []): Command {
  return command.addOption(new Option('--dry-run', 'say what would be done, change nothing').conflicts(acting));
}

/** Hands on what stands before a command, throughout a program. A command that declares no such option refuses it. */
export function handOn(program: Command): void {
  const before = new Map<Option, unknown>();
  for (const above of withSubcommands(program)) {
    above.hook('preSubcommand', (_above, below) => {
      for (const option of givenTo(above)) before.set(option, above.getOptionValue(option.attributeName()));
      if (below.commands.length > 0) return;
      for (const [option, value] of before) {
        const name = option.attributeName();
        if (!below.options.some((own) => own.attributeName() === name)) {
          below.error(`error: unknown option '${flagOf(option)}'`, { code: 'commander.unknownOption' });
        }
        below.setOptionValueWithSource(name, value, 'cli');
      }
    });
  }
}

/**
 * For a command that does one of several things: refuses the options that this one does not read, by their names as
 * commander calls them, with the error that `refusal` makes of the flag.
 */
export function takeOnly(command: Command, taken: readonly string[], refusal: (flag: string) => AppError): void {
  const other = givenTo(command).find((option) => !isPrinting(option) && !taken.includes(option.attributeName()));
  if (other !== undefined) throw refusal(flagOf(other));
}

/** A command and all below it. */
export function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

/** How a command is called: the executable and the words that lead to it. */
export function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function givenTo(command: Command): Option[] {
  return command.options.filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli');
}

function flagOf({ long, flags }: Option): string {
  return long ?? flags;
}

/** Adds the option of commands that can be about the vault of an agent that acts for itself. */
export function addForAgent(command: Command): Command {
  return command.addOption(
    naming(
      'agents',
      new Option('--for-agent <name>', "for operators: about the vault of this agent itself, not one's own"),
    ),
  );
}
