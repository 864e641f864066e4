/** Every command of the three executables with every option of any of them, and which options a run reads. */
import type { Command, Option } from 'commander';
import { serviceConnection } from '../../cmd/service-connection/cli.ts';
import { setupSession } from '../../cmd/setup-session/cli.ts';
import { skillSync } from '../../cmd/skill-sync/cli.ts';
import { pathOf, withSubcommands } from '../../internal/cli/command.ts';
import type { Executable } from '../../internal/cli/program.ts';

/** A command that does something by itself. */
export interface WalkedCommand {
  /** How it is called, the executable first. */
  path: string;
  /** The words of it behind the executable. */
  words: string[];
  executable: Executable;
  /** What it declares. */
  options: Option[];
}

/** All of them. */
export const commands: readonly WalkedCommand[] = (
  await Promise.all(
    [serviceConnection, setupSession, skillSync].map(async (executable) => {
      const program = await executable.build(() => async () => {});
      return withSubcommands(program)
        .filter((command) => command === program || command.commands.length === 0)
        .map((command) => ({
          path: pathOf(command),
          words: pathOf(command).split(' ').slice(1),
          executable,
          options: command.options.filter(({ long }) => long !== '--version'),
        }));
    }),
  )
).flat();

/** Every option of any command, once. */
export const everyOption: readonly Option[] = [
  ...new Map(commands.flatMap(({ options }) => options.map((option) => [option.long, option] as const))).values(),
];

/** An option as it is typed: one word, or a list of values would take the command behind it for one of them. */
export function typed({ long, required }: Option, value: string): string {
  return required ? `${long}=${value}` : `${long}`;
}

/**
 * An executable that writes down which options its commands read. An option is read when its value is asked for; handing
 * all of them on in a copy would hide which, and fails.
 */
export function recording(executable: Executable, read: Set<string>): Executable {
  return {
    name: executable.name,
    async build(run) {
      const program = await executable.build(run);
      for (const command of withSubcommands(program)) {
        const own = command.opts.bind(command) as Command['opts'];
        command.opts = <Options>() => watched(own() as object, read) as Options;
      }
      return program;
    },
  };
}

function watched(options: object, read: Set<string>): object {
  return new Proxy(options, {
    get(target, name, receiver) {
      read.add(String(name));
      return Reflect.get(target, name, receiver);
    },
    ownKeys() {
      throw new Error('options are read one by one: a copy of all would count as reading each');
    },
  });
}
