import type { Command } from 'commander';
import { source } from '../../internal/cli/browser-options.ts';

/** Adds the option of every command that may sign session tokens, or the list that takes them back. */
export function addTokenKey(command: Command): Command {
  return command.option(
    '--token-key-fd <n>',
    'read the private key that session tokens are signed with from this file descriptor, such as 0 for stdin',
    source,
  );
}
