import { type Command, Option } from 'commander';

/** Adds the options of every command that can send a message. */
export function addMessage(command: Command): Command {
  return command
    .option('--message <text>', 'send a message and print the answer as it streams; - reads it from stdin')
    .addOption(
      new Option('--message-file <file>', 'send what is in a file, up to 4 MiB of UTF-8 text').conflicts('message'),
    );
}
