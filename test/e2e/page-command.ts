/** The built command with the page of buttons, started for a browser that a test drives. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { searchPath } from '../demo/executables.ts';
import type { Sandbox } from '../sandbox/start.ts';
import type { BuiltCopy } from './build.ts';

/** A running command. */
export interface PageCommand {
  child: ChildProcess;
  ended: Promise<{ exit: number | null; stdout: string; stderr: string }>;
  /** Where the browser was sent, the n-th time. */
  sentTo(count: number): Promise<string>;
}

/** Starts `service-connection` with a browser that only hands over where it was sent. */
export async function startPageCommand(
  built: BuiltCopy,
  sandbox: Sandbox,
  words: readonly string[],
): Promise<PageCommand> {
  const folder = await mkdtemp(join(sandbox.folder, 'machine-'));
  const handed = join(folder, 'handed');
  const program = join(folder, 'browser');
  await writeFile(program, `#!/bin/sh\nprintf '%s\\n' "$1" >> '${handed}'\n`);
  await chmod(program, 0o755);
  const [node, ...before] = built.locate('service-connection');
  const child = spawn(node, [...before, ...words], {
    cwd: folder,
    env: { ...sandbox.environment, PATH: searchPath, HOME: folder, TMPDIR: folder, BROWSER: program },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]).then(
    ([[exit], stdout, stderr]) => ({ exit: exit as number | null, stdout, stderr }),
  );
  return {
    child,
    ended,
    async sentTo(count) {
      for (;;) {
        const urls = (await readFile(handed, 'utf8').catch(() => '')).split('\n').filter(Boolean);
        const url = urls[count - 1];
        if (url !== undefined) return url;
        if (child.exitCode !== null) throw new Error(`it ended early: ${JSON.stringify(await ended)}`);
        await sleep(20);
      }
    },
  };
}
