/** The words of `setup-session keys` and `setup-session token`. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { addOperator, descriptor } from '../../internal/cli/browser-options.ts';
import { addConfig, addDryRun, addGroup } from '../../internal/cli/command.ts';
import { namedFile } from '../../internal/cli/named-file.ts';
import type { Run } from '../../internal/cli/program.ts';
import { addTokenKey } from '../shared/token-key.ts';
import { duration } from './message-options.ts';

/** Bytes of a public key; far more than any has. */
const longestKey = 8 * 1024;

/** The options of `keys generate` and `keys rotate`. */
interface KeyOptions {
  publicKey?: string;
  in?: number;
  dryRun?: boolean;
}

/** Adds the commands about session tokens and the keys they are signed with. */
export function addTokens(program: Command, run: Run): void {
  addKeys(program, run);
  const token = addGroup(program, 'token', 'tokens that name a session, which MCP servers verify');
  addTokenKey(
    addOperator(
      token
        .command('inspect')
        .description('read a token from stdin, or typed unseen: what it says, and whether it counts'),
    ),
  ).action(
    run(async (context) => {
      const { inspectToken } = await import('../../internal/run/use-cases/tokens.ts');
      const { showInspected } = await import('./token-output.ts');
      return showInspected(await context.perform(inspectToken, {}));
    }),
  );
  addTokenKey(
    addDryRun(
      addOperator(
        token
          .command('revoke')
          .description('take back every token of a session: it gets no further ones')
          .argument('<session>', 'its id'),
      ),
    ),
  ).action(
    run(async (context, session: string, { dryRun = false }: { dryRun?: boolean }) => {
      const { revokeTokens } = await import('../../internal/run/use-cases/tokens.ts');
      const { showRevoked } = await import('./token-output.ts');
      return showRevoked(await context.perform(revokeTokens, { session, dryRun }));
    }),
  );
}

function addKeys(program: Command, run: Run): void {
  const keys = addGroup(program, 'keys', 'keys that session tokens are signed with');
  const make = (act: 'generate' | 'rotate', command: Command) =>
    addDryRun(addConfig(command))
      .addOption(
        new Option('--public-key <file>', 'publish the public half of a key that a program signs with (JWK)').conflicts(
          'privateKeyToFd',
        ),
      )
      .option('--private-key-to-fd <n>', 'write the private key to this file descriptor instead', descriptor)
      .action(
        run(async (context, { publicKey, in: milliseconds, dryRun = false }: KeyOptions) => {
          const { makeTokenKey } = await import('../../internal/run/use-cases/token-keys.ts');
          const { showMade } = await import('./token-output.ts');
          const request = {
            act,
            publicKey: publicKey === undefined ? undefined : (await namedFile(publicKey, longestKey)).toString('utf8'),
            noticeSeconds: milliseconds === undefined ? undefined : milliseconds / 1000,
            dryRun,
          };
          return showMade(await context.perform(makeTokenKey, request));
        }),
      );
  make(
    'generate',
    keys
      .command('generate')
      .description('make the first key: its public part is published, its private part goes into the keychain'),
  );
  make(
    'rotate',
    keys
      .command('rotate')
      .description('make a key that is published now and takes over later, beside the one that signs')
      .option('--in <time>', 'how long it is published before it signs, at least 1h (default: 24h)', notice),
  );
  addConfig(keys.command('list').description('show the keys: which signs, which waits, which may go')).action(
    run(async (context) => {
      const { listTokenKeys } = await import('../../internal/run/use-cases/token-keys.ts');
      const { showKeys } = await import('./token-output.ts');
      return showKeys(await context.perform(listTokenKeys, {}));
    }),
  );
  addDryRun(
    addConfig(
      keys
        .command('retire')
        .description('take a key away that was replaced, once nothing that it has signed can count')
        .argument('<kid>', 'its name'),
    ),
  ).action(
    run(async (context, kid: string, { dryRun = false }: { dryRun?: boolean }) => {
      const { retireTokenKey } = await import('../../internal/run/use-cases/token-keys.ts');
      const { showRetired } = await import('./token-output.ts');
      return showRetired(await context.perform(retireTokenKey, { kid, dryRun }));
    }),
  );
}

const longestNoticeMs = 90 * 86_400_000;

function notice(text: string): number {
  const milliseconds = duration(text);
  if (milliseconds > longestNoticeMs) throw new InvalidArgumentError('expected at most 90d');
  return milliseconds;
}
