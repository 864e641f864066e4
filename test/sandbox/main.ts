/**
 * `npm run sandbox`: leaves the sandbox running for a person with a browser. With `--json` stdout gets
 * one line of JSON for a program, and the sandbox lives until that program closes our stdin. With `--vary` the platform is as
 * loose as its documents allow, or changes one thing of its answers, by the name of platform/variations.ts.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { introduce } from './introduction.ts';
import { loosen, type Variation, variations, vary } from './platform/variations.ts';
import type { Sandbox } from './start.ts';

const { options, complaint } = understood(process.argv.slice(2));

if (options === undefined) {
  process.stderr.write(`sandbox: ${complaint}\n`);
  process.exitCode = 2;
} else {
  // Loaded here, so that a mistyped flag is answered at once.
  const { startSandbox } = await import('./start.ts');
  const sandbox = await startSandbox();
  if (options.vary === true) loosen(sandbox.platform.control);
  else if (options.vary !== undefined) vary(sandbox.platform.control, options.vary);
  const ended = untilEnded(options.json);
  process.stdout.write(options.json ? `${JSON.stringify(describe(sandbox))}\n` : introduce(sandbox, isBuilt()));
  await ended;
  await sandbox.close();
}

interface Options {
  json: boolean;
  /** What is changed in answers; true for as loose as the documents allow. */
  vary: Variation | true | undefined;
}

function understood(words: readonly string[]): { options?: Options; complaint: string } {
  const options: Options = { json: false, vary: undefined };
  const usage = 'usage: npm run sandbox [-- --json] [--vary[=<what>]]';
  for (const word of words) {
    const [flag, name] = word.split(/=(.*)/s);
    if (word === '--json') options.json = true;
    else if (flag !== '--vary') return { complaint: usage };
    else if (name === undefined) options.vary = true;
    else {
      options.vary = variations.find((variation) => variation.name === name);
      if (options.vary === undefined) {
        return { complaint: ['--vary knows:', ...variations.map((variation) => `  ${variation.name}`)].join('\n') };
      }
    }
  }
  return { options, complaint: usage };
}

/** What a program needs to know; `environment` alone is enough to run a command. */
function describe({
  platform,
  identityProvider,
  workloadIssuer,
  federation,
  people,
  services,
  environment,
}: Sandbox): object {
  return {
    platform: { baseUrl: platform.baseUrl, apiKey: platform.apiKey, workspaceId: platform.workspaceId },
    identityProvider: { issuer: identityProvider.issuer, clientId: identityProvider.clientId },
    workloadIssuer: { issuer: workloadIssuer.issuer, actions: workloadIssuer.actions },
    federation: { environment: federation },
    people: Object.values(people),
    services: Object.fromEntries(
      Object.entries(services).map(([name, { title, mcpUrl, issuer, resource, registration }]) => [
        name,
        { title, mcpUrl, issuer, resource, registration },
      ]),
    ),
    environment,
  };
}

/**
 * Waits for an interruption or, where a program holds our stdin, for its end. The handlers stay: Ctrl-C
 * arrives once from the terminal and once more from the runner, which must not cut the tidying short.
 */
async function untilEnded(watchStdin: boolean): Promise<void> {
  await new Promise<void>((resolve) => {
    process.on('SIGINT', resolve);
    process.on('SIGTERM', resolve);
    if (watchStdin) process.stdin.once('close', resolve).resume();
  });
  // An open stdin would keep the process alive after everything else has ended.
  process.stdin.destroy();
}

function isBuilt(): boolean {
  return existsSync(fileURLToPath(new URL('../../dist/service-connection.js', import.meta.url)));
}
