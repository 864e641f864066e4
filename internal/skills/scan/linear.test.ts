/** No text makes a pattern slow: the beginnings that each pattern would go on from, half a megabyte long, end in time. */
import { expect, test } from 'vitest';
import { processorMs } from '../../../test/support/processor-time.ts';
import { externalUrls, outsidePaths } from './addresses.ts';
import { credentialAccess, networkCalls, shellPipes } from './commands.ts';
import { namedTools } from './forbidden-tools.ts';
import { hiddenCharacters } from './hidden-characters.ts';
import { injectedPhrases, mcpTools } from './phrases.ts';
import type { Hit, SearchedFile } from './searched-file.ts';
import { secrets } from './secrets.ts';

const size = 500_000;
/** The slowest takes half a second on a slow machine; a pattern that is not linear takes minutes. */
const limitMs = 5_000;

const forbidden = [{ agent: 'a', tools: new Set(['a-b']) }];
const rules: Record<string, (file: SearchedFile) => Hit[] | Promise<Hit[]>> = {
  secret: secrets,
  'hidden-character': hiddenCharacters,
  'prompt-injection': injectedPhrases,
  'mcp-tool': mcpTools,
  'forbidden-tool': (file) => namedTools(file, forbidden),
  'shell-pipe': shellPipes,
  'network-call': networkCalls,
  'credential-access': credentialAccess,
  'external-url': (file) => externalUrls(file, ['a.io']),
  'path-outside': outsidePaths,
};

const anywhere = ['a', 'a ', ' ', '\n', ',', 'a,', '*_ ', '.', '-', '\\\n', '"'];
const seeds: Record<keyof typeof rules, readonly string[]> = {
  secret: [
    'eyJ-',
    'eyJaaaaaaaaaaaa.',
    'sk-ant-api03-',
    `-----BEGIN ${'PRIVATE'} KEY-----\n`,
    `-----BEGIN A A A ${'PRIVATE'} KEY-----a: b\n`,
    'bearer a',
    'curl a -u ',
    'token = "a',
    'xoxb-a-',
    'SG.a.a_',
    '_authToken=',
    'mongodb://a:',
    'postgres://a:b',
    'http://a:b@',
    'ops_ey',
    'SECRET_ACCESS_KEY ',
    'ACCOUNT_ID',
  ],
  'hidden-character': ['\u200b', '\ufe0f', '\u{e0041}', '\u{1f600}\u200d', '\u{1f3f4}\u{e0067}'],
  'prompt-injection': [
    'ignore all the ',
    'ignore all previous ',
    'do not tell ',
    'hide this ',
    'keep this a ',
    'secretly and ',
    'delete all the ',
    'send a ',
    'send a credentials b ',
    'if a asks b ',
    'only if a not ',
    'you are now a ',
    'never ask the ',
    'add this a ',
    '<|im_',
    '[INST]',
  ],
  'mcp-tool': ['mcp__a__', 'Ab:a_'],
  'forbidden-tool': ['a-', 'a-b', '`a'],
  'shell-pipe': [
    'curl ',
    'curl x|',
    'curl x \\\n',
    'wget -O a ',
    'curl -o a ',
    'curl -o a\n',
    'sudo -E ',
    'bash -c ',
    'eval "$(',
    'base64 -d ',
    'openssl enc ',
    'exec(',
    'exec( a',
    'iex ',
    'iwr ',
    'powershell ',
  ],
  'network-call': ['rsync ', 'scp a ', 'ssh a', 'a@', 'fetch( ', 'fetch(a', 'import ', 'nc a ', 'dig a.'],
  'credential-access': ['cat ', 'cat < ', 'printenv|', 'JSON.stringify( ', '/proc/', '~/', '/home/a/', 'gh auth '],
  'external-url': ['http://', 'http://a.', 'http://a@', 'https://a:'],
  'path-outside': ['../', './', 'a/', '..\\', '~a/', '/home/', 'homedir '],
};

test.each(Object.keys(rules))('%s [P6]', { timeout: 120_000 }, async (rule) => {
  for (const seed of [...anywhere, ...(seeds[rule] ?? [])]) {
    const text = `${seed.repeat(Math.ceil(size / seed.length)).slice(0, size)}!`;
    const before = processorMs();
    await rules[rule]?.({ path: 'a/b.md', text, encoding: 'unicode' });
    expect(processorMs() - before, JSON.stringify(seed)).toBeLessThan(limitMs);
  }
});
