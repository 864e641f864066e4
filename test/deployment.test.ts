/** What `deploy/` says is what `serve` takes, and runs as nobody in particular on a file system that it cannot write to. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { commands } from './support/command-table.ts';

const read = async (name: string) => await readFile(new URL(`../deploy/${name}`, import.meta.url), 'utf8');
const taken = commands.find(({ path }) => path === 'service-connection serve')?.options.map(({ long }) => long);

test('each starts the console with options that it has', async () => {
  for (const name of ['Dockerfile', 'console.service', 'kubernetes.yaml']) {
    const text = (await read(name))
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .join('\n');
    const used = text.match(/(?<=[\s"])--[a-z][a-z-]+/g)?.filter((word) => word !== '--chown') ?? [];
    expect(used.length).toBeGreaterThan(3);
    for (const option of used) expect([name, taken]).toEqual([name, expect.arrayContaining([option])]);
  }
});

test('none has a key in it, none runs as root, and none writes to its root file system', async () => {
  for (const name of ['Dockerfile', 'compose.yaml', 'console.service', 'kubernetes.yaml']) {
    expect([name, await read(name)]).toEqual([
      name,
      expect.not.stringMatching(/sk-ant|ANTHROPIC_API_KEY[=:] ?["']?\w{8}|postgres:\/\/\w+:\w/),
    ]);
  }
  const docker = await read('Dockerfile');
  expect(docker.split('\n').filter((line) => /^(USER|ADD|RUN|COPY)/.test(line))).toEqual([
    'COPY --chown=root:root dist ./dist',
    'USER 1000:1000',
  ]);
  const { console } = parse(await read('compose.yaml')).services;
  expect(console).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
  const [, deployment] = parseAllDocuments(await read('kubernetes.yaml')).map((each) => each.toJS());
  const { spec } = deployment.spec.template;
  expect([deployment.spec.replicas, deployment.spec.strategy.type]).toEqual([1, 'Recreate']);
  expect(spec).toMatchObject({ automountServiceAccountToken: false, securityContext: { runAsNonRoot: true } });
  expect(spec.containers[0].securityContext).toMatchObject({
    readOnlyRootFilesystem: true,
    allowPrivilegeEscalation: false,
  });
  const names = spec.volumes.map(({ name }: { name: string }) => name).sort();
  expect(spec.containers[0].volumeMounts.map(({ name }: { name: string }) => name).sort()).toEqual(names);
  const unit = await read('console.service');
  for (const line of ['DynamicUser=yes', 'ProtectSystem=strict', 'NoNewPrivileges=yes', 'LimitCORE=0']) {
    expect(unit.split('\n')).toContain(line);
  }
});
