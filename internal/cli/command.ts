import { Command } from 'commander';
import { version } from './version.ts';

/** A commander program with the words that all three executables share. */
export function baseCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .option(
      '--config <folder>',
      'the configuration folder (default: MAI_CONFIG, then config/ here or above, then the user configuration)',
    )
    .option('--json', 'print the result as one JSON value')
    .option('-q, --quiet', 'say nothing but warnings and errors')
    .option('-v, --verbose', 'say more')
    .option('--debug', 'say where an error was made')
    .option('--no-color', 'no color');
}
