/**
 * Secrets in a text, found by the maintained rules of secretlint and by patterns for what those leave out. What comes
 * out of here is the kind of a secret and its place: the secret itself, or a part of it, is never in a message (P3).
 */
import { lintSource } from '@secretlint/core';
import { rules as presetRules } from '@secretlint/secretlint-rule-preset-recommend';
import type { Hit, SearchedFile } from './searched-file.ts';

/**
 * Left out of the preset: comments with which a file would silence the rules itself, and the rule that opens files of
 * its own (the keys it looks for are found by the patterns here).
 */
const leftOut = ['@secretlint/secretlint-rule-filter-comments', '@secretlint/secretlint-rule-gcp'];

const config = {
  rules: presetRules
    .filter(({ meta }) => !leftOut.includes(meta.id))
    .map((rule) => ({ id: rule.meta.id, rule, options: {} })),
};

/** Words for what the preset finds; anything newer is called by the preset's own name for it. */
const kinds: Readonly<Record<string, string>> = {
  ANTHROPIC_API_KEY: 'an Anthropic key',
  AWSSecretAccessKey: 'an AWS secret key',
  BasicAuth: 'a user and password in an address',
  GITHUB_TOKEN: 'a GitHub token',
  IncomingWebhook: 'a Slack webhook',
  LINEAR_API_TOKEN: 'a Linear key',
  MongoDBConnection: 'a database password',
  MySQLConnection: 'a database password',
  NPM_ACCESS_TOKEN: 'an npm token',
  Npmrc_authToken: 'an npm token',
  OPENAI_TOKEN: 'an OpenAI key',
  PostgreSQLConnection: 'a database password',
  PrivateKey: 'a private key',
  SENDGRID_KEY: 'a SendGrid key',
  SLACK_TOKEN: 'a Slack token',
};

/** What a pattern of ours finds. A group named `value` has to look random: an example or a variable does not. */
interface Pattern {
  kind: string;
  pattern: RegExp;
}

/**
 * None of them can begin inside a run that it would go through, so that each stays linear however long the run is.
 */
const patterns: readonly Pattern[] = [
  {
    kind: 'a private key',
    pattern:
      /-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr]|["'+,]){0,40}(?:[\w-]{1,30}: [^\n\\]{1,200}(?:\s|\\[nr]){1,20}){0,4}[A-Za-z0-9+/]{20}/g,
  },
  { kind: 'an age key', pattern: /AGE-SECRET-KEY-1[A-Z0-9]{50}/g },
  { kind: 'an Anthropic key', pattern: /(?<![\w-])sk-ant-[a-z]{2,12}\d{2}-[\w-]{20}/g },
  { kind: 'an OpenAI key', pattern: /(?<![\w-])sk-(?:proj|svcacct|admin|None)-[\w-]{40}/g },
  { kind: 'an AWS key id', pattern: /(?<![A-Za-z0-9])(?:AKIA|ASIA)(?![A-Z2-7]{9}EXAMPLE)[A-Z2-7]{16}(?![A-Za-z0-9])/g },
  { kind: 'a Google key', pattern: /(?<![\w-])AIza[\w-]{35}(?![\w-])/g },
  { kind: 'a Google client secret', pattern: /(?<![\w-])GOCSPX-[\w-]{24}/g },
  { kind: 'a Google token', pattern: /(?<![\w.])ya29\.[\w-]{20}/g },
  { kind: 'a Slack token', pattern: /(?<![\w-])xox[abeoprs]-(?:\d-)?[A-Za-z0-9-]{20}/g },
  { kind: 'a Slack token', pattern: /(?<![\w-])xapp-\d-[A-Z0-9]{6,20}-\d{6,20}-[a-f0-9]{20}/g },
  { kind: 'a Stripe key', pattern: /(?<![\w-])[rs]k_live_[A-Za-z0-9]{20}/g },
  { kind: 'a GitLab token', pattern: /(?<![\w-])gl(?:pat|ptt|dt|rt|cbt|soat)-[\w-]{20}/g },
  { kind: 'a Notion token', pattern: /(?<![\w-])ntn_[A-Za-z0-9]{40}/g },
  { kind: 'a Notion token', pattern: /(?<![\w-])secret_[A-Za-z0-9]{43}(?![A-Za-z0-9])/g },
  { kind: 'a Hugging Face token', pattern: /(?<![\w-])hf_[A-Za-z]{34}(?![A-Za-z0-9])/g },
  { kind: 'a PyPI token', pattern: /(?<![\w-])pypi-AgE[\w-]{50}/g },
  { kind: 'a signed token (JWT)', pattern: /(?<![\w.-])eyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{20}/g },
  { kind: 'a bearer token', pattern: /\bbearer[ \t]{1,4}(?<value>[\w.~+/-]{20,4000}=?=?)(?![\w.~+/-])/gi },
  {
    kind: 'a password on a command line',
    pattern:
      /\bcurl\b[^\n]{0,300}?\s(?:-u|--user)[\s=]{1,3}["']?[\w.@-]{1,100}:(?!\$|<|\{|pass|secret|token|x{3}|\*)[^\s"'$<{:]{8}/gi,
  },
  {
    kind: 'a password or key',
    pattern:
      /(?:api[_-]?key|secret|token|passw(?:or)?d|credential)s?["']?[ \t]{0,4}(?::|=>?|:=)[ \t]{0,4}["'](?<value>[\w.~+/=-]{20,500})["']/gi,
  },
];

/** The secrets in a text, each once. */
export async function secrets({ text }: SearchedFile): Promise<Hit[]> {
  const found: { from: number; to: number; kind: string }[] = [];
  for (const { kind, pattern } of patterns) {
    for (const match of text.matchAll(pattern)) {
      const value = match.groups?.['value'];
      if (value !== undefined && !looksRandom(value)) continue;
      found.push({ from: match.index, to: match.index + match[0].length, kind });
    }
  }
  const { messages } = await lintSource({
    // No name, so that no rule looks for a file, and each file is searched by every rule.
    source: { filePath: 'text', content: text, contentType: 'text' },
    options: { config, noPhysicFilePath: true, maskSecrets: true },
  });
  for (const { range, messageId } of messages) {
    found.push({ from: range[0], to: range[1], kind: kinds[messageId] ?? `a secret of the kind ${messageId}` });
  }
  return withoutOverlaps(found).map(({ from, kind }) => ({ offset: from, what: `holds what looks like ${kind}` }));
}

/** Of several names for the same place the one that begins first. */
function withoutOverlaps<Span extends { from: number; to: number }>(spans: readonly Span[]): Span[] {
  let end = -1;
  return [...spans]
    .sort((a, b) => a.from - b.from || b.to - a.to)
    .filter(({ from, to }) => {
      const isNew = from >= end;
      end = Math.max(end, to);
      return isNew;
    });
}

/** Whether a value is likely made by a machine: letters and digits, many different ones, and no words joined by dashes. */
function looksRandom(value: string): boolean {
  if (!/\d/.test(value) || !/[A-Za-z]/.test(value)) return false;
  const counts = new Map<string, number>();
  for (const character of value.slice(0, 200)) counts.set(character, (counts.get(character) ?? 0) + 1);
  const length = Math.min(value.length, 200);
  let entropy = 0;
  for (const count of counts.values()) entropy -= (count / length) * Math.log2(count / length);
  const words = value.split(/[-_./]/).filter((part) => /^(?:[a-z]+|[A-Z]+|[A-Z][a-z]+|\d{1,10})$/.test(part)).length;
  return entropy >= 3.2 && words < 3;
}
