/** docs/commands.md: every command with its arguments and options, from the tables that the executables are built of. */
import type { Argument, Command, Option } from 'commander';
import { serviceConnection } from '../../cmd/service-connection/cli.ts';
import { setupSession } from '../../cmd/setup-session/cli.ts';
import { skillSync } from '../../cmd/skill-sync/cli.ts';
import { addBrowserOptions } from '../../internal/cli/browser-options.ts';
import { baseCommand, pathOf, withSubcommands } from '../../internal/cli/command.ts';

/** Where more is said about a command, and about all below it that have no page of their own. */
const pages: Record<string, string> = {
  'service-connection': 'connecting.md',
  'service-connection doctor': 'connecting.md',
  'service-connection add': 'configuration.md',
  'service-connection login': 'identity.md',
  'service-connection logout': 'identity.md',
  'service-connection whoami': 'identity.md',
  'service-connection ownership': 'ownership.md',
  'service-connection offboard': 'offboarding.md',
  'service-connection vault': 'offboarding.md',
  'setup-session': 'sessions.md',
  'setup-session init': 'configuration.md',
  'setup-session doctor': 'first-day-operator.md',
  'setup-session audit': 'audit.md',
  'setup-session agents': 'agents.md',
  'setup-session environments': 'agents.md',
  'setup-session tools': 'configuration.md',
  'setup-session explain': 'configuration.md',
  'setup-session send': 'turns.md',
  'setup-session answer': 'turns.md',
  'setup-session attach': 'turns.md',
  'setup-session login': 'identity.md',
  'setup-session logout': 'identity.md',
  'setup-session whoami': 'identity.md',
  'skill-sync': 'skill-sync.md',
  'skill-sync scan': 'skill-scan.md',
  'skill-sync verify': 'skills-supply-chain.md',
  'skill-sync pull': 'skills-supply-chain.md',
};

/** The page as Markdown. Throws where {@link pages} names a command that is not there. */
export async function commandsPage(): Promise<string> {
  const programs = await Promise.all(
    [serviceConnection, setupSession, skillSync].map(({ build }) => build(() => async () => {})),
  );
  const shared = sharedOptions();
  const all = programs.flatMap((program) => withSubcommands(program).filter(isShown));
  const unknown = Object.keys(pages).filter((path) => !all.some((command) => pathOf(command) === path));
  if (unknown.length > 0) throw new Error(`there is no command ${unknown.join(', ')}`);
  const flags = new Set(shared.map(({ long }) => long));
  const lines = [
    '# Commands',
    '',
    'Made from the command tables of the three executables; `--help` behind any command says the same. A command takes what is',
    'listed here and the options below, and nothing else. [exit-codes.md](exit-codes.md) says how a command can end.',
    '',
    '## Options of many commands',
    '',
    'All take those that say how things are printed (`--json`, `--json-events` with [events.md](events.md), `--quiet`,',
    '`--verbose`, `--debug`, `--no-color`) and `--help`. What reads the configuration takes `--config` and `--workspace`; what',
    'may send you to a browser takes `--no-browser`, `--paste` and `--timeout`.',
    '',
    ...shared.map(optionLine),
  ];
  for (const program of programs) {
    const own = withSubcommands(program).filter(isShown);
    lines.push('', `## ${program.name()}`);
    for (const command of own) lines.push(...section(command, flags));
  }
  return `${lines.join('\n')}\n`;
}

function isShown(command: Command): boolean {
  return command.parent?.createHelp().visibleCommands(command.parent).includes(command) ?? true;
}

function sharedOptions(): readonly Option[] {
  return addBrowserOptions(baseCommand('any', '')).options;
}

function section(command: Command, shared: ReadonlySet<string | undefined>): string[] {
  const help = command.createHelp();
  const options = command.options.filter(({ long, hidden }) => !hidden && !shared.has(long));
  const taken = ['--config', '--no-browser'].filter((long) => command.options.some((option) => option.long === long));
  const page = pageOf(command);
  const also = {
    '': undefined,
    '--config': 'Reads the configuration.',
    '--config --no-browser': 'Reads the configuration, and may send you to a browser.',
  }[taken.join(' ')];
  const more = page === undefined ? [] : [`More: [${page}](${page}).`];
  const listed = [...help.visibleArguments(command).map(argumentLine), ...options.map(optionLine)];
  return [
    '',
    ...(command.parent === null ? [] : [`### ${pathOf(command)}`, '']),
    ...(command.commands.length > 0 && command.registeredArguments.length === 0 && options.length === 0
      ? []
      : [`    ${[pathOf(command), ...command.registeredArguments.map(argumentUsage)].join(' ')}`, '']),
    [`${sentence(command.description())}`, also, ...more].filter((part) => part !== undefined).join(' '),
    ...(listed.length > 0 ? ['', ...listed] : []),
  ];
}

function pageOf(command: Command | null): string | undefined {
  return command === null
    ? undefined
    : (pages[pathOf(command)] ?? (command.parent?.parent ? pageOf(command.parent) : undefined));
}

function argumentUsage(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

function argumentLine(argument: Argument): string {
  return `- \`${argumentUsage(argument)}\`: ${words(argument.description)}${choices(argument.argChoices)}`;
}

function optionLine({ flags, description, argChoices }: Option): string {
  return `- \`${flags}\`: ${words(description)}${choices(argChoices)}`;
}

function choices(given: readonly string[] | undefined): string {
  return given === undefined ? '' : ` (${given.map((choice) => `\`${choice}\``).join(', ')})`;
}

function sentence(text: string): string {
  return `${words(text.charAt(0).toUpperCase() + text.slice(1))}.`;
}

/** Text without markup in it. */
function words(text: string): string {
  return text.replace(/[\\*_<>[\]]/g, '\\$&');
}
