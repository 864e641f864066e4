/** What is looked for before a rule of the preset is asked leaves out nothing that the rule would find. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { lintSource } from '@secretlint/core';
import { rules } from '@secretlint/secretlint-rule-preset-recommend';
import { expect, test } from 'vitest';
import { presetRulesFor } from './secrets.ts';

const of = (length: number, part = 'aB3dE6gH9jK2mN5p') => part.repeat(Math.ceil(length / part.length)).slice(0, length);
// In two parts, so that nobody takes a test for a leak.
const words = (before: readonly string[], after: string) => before.map((each) => `${each}${after}`);

/** By the message of a rule what it finds: one text for each way in which its pattern can begin. */
const samples: Readonly<Record<string, readonly string[]>> = {
  AWSSecretAccessKey: ['AWS_SECRET_ACCESS_KEY=', 'secretAccessKey": "', "SecretAccess_Key' : '"].flatMap((name) => [
    `${name}${of(40)}${name.slice(-1) === '=' ? '' : name.slice(-1)}`,
  ]),
  PrivateKey: ['', 'RSA ', 'EC ', 'OPENSSH '].map(
    (kind) =>
      `-----BEGIN ${kind}${'PRIVATE'} KEY-----\n${of(200, 'MIIEvQIBADANBgkq')}\n-----END ${kind}${'PRIVATE'} KEY-----`,
  ),
  NPM_ACCESS_TOKEN: [`npm_${of(36)}`],
  BasicAuth: [`https://ada:${'tr0ub4dor3'}@docs.acme.io/x`, `ftp://a-b:${'tr0ub4_dor-3'}@docs.acme.io`],
  SLACK_TOKEN: words(['xoxb', 'xoxp', 'xapp', 'xoxa', 'xoxo', 'xoxr'], `-1-${of(12, '123456789012')}-${of(24)}`),
  IncomingWebhook: [`https://hooks.slack.com/services/${'T0123ABCD/B0123ABCD'}/${of(24)}`],
  SENDGRID_KEY: [`SG.${of(22)}.${of(43)}`],
  SHOPIFY_KEY: words(['shppa', 'shpca', 'shpat', 'shpss'], `_${of(32)}`),
  GITHUB_TOKEN: [...words(['ghp', 'gho', 'ghu', 'ghs', 'ghr'], `_${of(36)}`), `github_pat_${of(82)}`],
  OPENAI_TOKEN: [`sk-${of(20)}${'T3Blbk'}FJ${of(20)}`, `sk-proj-${of(74)}${'T3Blbk'}FJ${of(74)}`],
  ANTHROPIC_API_KEY: [`sk-ant-${'api03'}-${of(93)}AA`],
  LINEAR_API_TOKEN: [`lin_${'api'}_${of(40)}`],
  // The brace at the end stands alone in the last group, as the pattern has it.
  OPS_TOKEN: [`ops_${Buffer.from(JSON.stringify({ email: 'a@example.com', muk: of(204) })).toString('base64')}`],
  MongoDBConnection: words(['mongodb', 'mongodb+srv', 'MongoDB'], `://app:${'Sup3rS3cret9'}@db.acme.io:27017/app`),
  MySQLConnection: words(['mysql', 'mysqlx', 'jdbc:mysql'], `://app:${'Sup3rS3cret9'}@db.acme.io:3306/app`),
  PostgreSQLConnection: words(['postgres', 'postgresql', 'POSTGRES'], `://app:${'Sup3rS3cret9'}@db.acme.io:5432/app`),
};

/** Off unless somebody sets an option; and what only counts in a file of another name than the one that every text has here. */
const unreachable = ['AWSAccountID', 'AWSAccessKeyID', 'PackageJSON_xOauthToken', 'Npmrc_authToken'];

const asked = (text: string) => presetRulesFor({ path: 'text', text, encoding: 'unicode' }).map(({ id }) => id);

test.each(Object.entries(samples))('%s is still found', async (message, texts) => {
  const rule = rules.find((each) => Object.hasOwn(each.messages, message));
  if (rule === undefined) throw new Error(`no rule has the message ${message}`);
  for (const text of texts) {
    const content = `before\n${text}\nafter\n`;
    const { messages } = await lintSource({
      source: { filePath: 'text', content, contentType: 'text' },
      options: { config: { rules: [{ id: rule.meta.id, rule, options: {} }] }, noPhysicFilePath: true },
    });
    // The sample is right: the rule alone finds it.
    expect([text, messages.map(({ messageId }) => messageId)]).toEqual([text, expect.arrayContaining([message])]);
    expect([text, asked(content)]).toEqual([text, expect.arrayContaining([rule.meta.id])]);
  }
});

test('every rule is known by its name, and each of its messages has a sample', () => {
  const left = ['@secretlint/secretlint-rule-filter-comments', '@secretlint/secretlint-rule-gcp'];
  const known = rules.filter(({ meta }) => !left.includes(meta.id)).flatMap(({ messages }) => Object.keys(messages));
  expect(known.filter((message) => samples[message] === undefined)).toEqual(unreachable);
  // A rule without a need would be asked about every text; one that was renamed would be, too.
  expect(asked('')).toEqual([]);
});

test('the patterns were read in this version of the preset', async () => {
  const file = createRequire(import.meta.url).resolve('@secretlint/secretlint-rule-preset-recommend/package.json');
  const { version } = JSON.parse(await readFile(file, 'utf8')) as { version: string };
  expect(version, 'compare the patterns of the new version with presetNeeds in secrets.ts, then write it here').toBe(
    '11.7.1',
  );
});
