import { type Command, InvalidArgumentError, Option } from 'commander';
import { addConfig } from './command.ts';

/** Adds the options of every command that has to know who is operating. */
export function addOperator(command: Command): Command {
  return addBrowserOptions(addConfig(command));
}

/** Adds the options of every command that may send the person to a browser. */
export function addBrowserOptions(command: Command): Command {
  return command
    .option('--no-browser', 'do not open a browser, only print the address')
    .option('--paste', 'also take the address that the browser ends at, pasted here unseen')
    .option('--timeout <seconds>', 'how long to wait, for the browser or an answer (default: 300)', seconds);
}

/** Adds the options of every command that becomes a client of a service. */
export function addClientOptions(command: Command): Command {
  return command
    .option(
      '--client-secret-fd <n>',
      'read the secret of a pre-registered client from this file descriptor, such as 0 for stdin',
      source,
    )
    .addOption(
      new Option('--device', 'sign in by entering a code in any browser, where the service has that').conflicts(
        'callbackPort',
      ),
    )
    .option('--callback-port <port>', 'have the service send the browser back to exactly this port', callbackPort);
}

/** Below it, only an administrator can listen. */
const lowestPort = 1024;
const highestPort = 65535;

/** Reads `--callback-port`. */
function callbackPort(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < lowestPort || value > highestPort) {
    throw new InvalidArgumentError(`expected a port between ${lowestPort} and ${highestPort}`);
  }
  return value;
}

const lowestDescriptor = 3;
const highestDescriptor = 1023;

/** Reads the number of a file descriptor that something is read from: stdin counts, which every shell can lead somewhere. */
export function source(text: string): number {
  return text === '0' ? 0 : descriptor(text);
}

/** Reads the number of a file descriptor that is not one of the three that every program has. */
export function descriptor(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < lowestDescriptor || value > highestDescriptor) {
    throw new InvalidArgumentError(`expected a file descriptor between ${lowestDescriptor} and ${highestDescriptor}`);
  }
  return value;
}

const longestSeconds = 24 * 60 * 60;

/** A number of seconds of the command line. Throws what commander prints. */
export function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0 || value > longestSeconds) {
    throw new InvalidArgumentError(`expected seconds between 1 and ${longestSeconds}`);
  }
  return value;
}
