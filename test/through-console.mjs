// `npm run test:console`: the tests of what a console does, once more through one (test/support/through-console.ts).
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const names = [
  'sessions',
  'talking',
  'connecting',
  'upkeep',
  'live-sessions',
  'turn-limits',
  'session-states',
  'static-bearer',
  'scopes',
  'device',
  'vault-repair',
  'whose-account',
  'five-services',
  'main-job',
  'refreshes',
  'addresses',
  'replacing',
  'where-groups-are',
  'hostile-id-tokens',
  'directory',
  'older-servers',
  'unknown-members',
  'rug-pull',
  'pages',
  'interrupted',
  'vaults',
  'unlisted',
  'offboard',
  'approvals',
  'varied-answers',
];
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const words = ['run', '--config', 'test/vitest.config.ts', '--reporter=verbose'];
const { status } = spawnSync(
  process.execPath,
  [vitest, ...words, ...names.map((name) => `test/integration/${name}.test.ts`), ...process.argv.slice(2)],
  // biome-ignore lint/style/noProcessEnv: one variable more than this run has
  { stdio: 'inherit', env: { ...process.env, MAI_TEST_THROUGH: 'console' } },
);
process.exitCode = status ?? 1;
