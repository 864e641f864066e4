/**
 * Secrets in a text, found by the maintained rules of secretlint and by patterns for what those leave out. What comes
 * out of here is the kind of a secret and its place: the secret itself, or a part of it, is never in a message (P3).
 */
import { lintSource } from '@secretlint/core';
import { rules as presetRules } from '@secretlint/secretlint-rule-preset-recommend';
import { isFilledUp, isPlaceholder, looksRandom } from './looks-random.ts';
import { matchesIn, mayMatch, searchable } from './search.ts';
import type { Hit, SearchedFile } from './searched-file.ts';

/**
 * Left out of the preset: comments with which a file would silence the rules itself, and the rule that opens files of
 * its own (the keys it looks for are found by the patterns here).
 */
const leftOut = ['@secretlint/secretlint-rule-filter-comments', '@secretlint/secretlint-rule-gcp'];

/**
 * Without which of these the rules of the preset find nothing. A rule that is not here is asked about
 * every text.
 */
const presetNeeds: Readonly<Record<string, RegExp>> = {
  '@secretlint/secretlint-rule-aws': searchable(
    /(?:A3T[A-Z0-9]|AKIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA|ASIA)[A-Z0-9]{16}|secret_?access_?key["']?\s*[:=]/i,
  ),
  '@secretlint/secretlint-rule-npm': searchable(/:x-oauth-basic@github|_authToken=|npm_[A-Za-z0-9_]{36}/),
  '@secretlint/secretlint-rule-slack': searchable(/xox[bpaor]-|xapp-|hooks\.slack\.com\/services/i),
  '@secretlint/secretlint-rule-basicauth': searchable(/:\/\/[-\w]{1,256}:[-\w]{1,256}@/),
  '@secretlint/secretlint-rule-openai': searchable(/T3BlbkFJ/),
  '@secretlint/secretlint-rule-anthropic': searchable(/sk-ant-api0/),
  '@secretlint/secretlint-rule-linear': searchable(/lin_api_/),
  '@secretlint/secretlint-rule-privatekey': searchable(/PRIVATE KEY/),
  '@secretlint/secretlint-rule-sendgrid': searchable(/SG\.\w{1,128}\.\w/),
  '@secretlint/secretlint-rule-shopify': searchable(/shp(?:pa|ca|at|ss)_/),
  '@secretlint/secretlint-rule-github': searchable(/gh[pousr]_|github_pat_/),
  '@secretlint/secretlint-rule-1password': searchable(/ops_ey/),
  '@secretlint/secretlint-rule-database-connection-string': searchable(
    /(?:mongodb(?:\+srv)?|mysqlx?|postgres(?:ql)?):\/\/[^:/\s]{1,100}:[^@/\s]{1,200}@/i,
  ),
};

/** The rules of the preset that may find something in a file. */
export function presetRulesFor(file: SearchedFile) {
  return presetRules.flatMap((rule) => {
    const { id } = rule.meta;
    if (leftOut.includes(id)) return [];
    const needed = presetNeeds[id];
    const isNeeded = needed === undefined || (mayMatch(file, needed) && needed.test(file.text));
    return isNeeded ? [{ id, rule, options: {} }] : [];
  });
}

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

/** What secrets are called, as the end of a name. */
const secretName =
  '(?:api[_-]?key|(?:access|secret|private|auth|account|encryption|signing|master|storage|service|license)[_-]?key|secret|token|passw(?:or)?d|pwd|passphrase|credential|_pass|[_-]auth|key[_-]base|salt)s?';

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
      /\bcurl\b[^\n]{0,300}?\s(?:-u|--user)[\s=]{1,3}["']?[\w.@-]{1,100}:(?!\$|<|\{|pass|secret|token|x{3}|\*)(?<password>[^\s"'$<{:]{8,200})/gi,
  },
  {
    // In quotes, or as files of environment variables, YAML, INI and shells write it: to the end of the line or the word.
    // Looked for from the sign between name and value, which is rarer than the words.
    kind: 'a password or key',
    pattern: new RegExp(
      String.raw`[=:](?<=(?<name>${secretName}["']?[ \t]{0,8})[=:])(?:[=>]?[ \t]{0,4}["'](?<value>[^\s"'\x60<>{}]{8,500})["']|(?:(?<==)|[ \t])[ \t]{0,4}(?<bare>[^\s"'\x60<>{}()[\],;$\\|]{8,500})(?=[ \t]{0,20}(?:$|[#;,&|'"\x60)}\]]|-)))`,
      'gim',
    ),
  },
  {
    kind: 'a password of .netrc',
    pattern:
      /\b(?:machine[ \t]{1,8}[\w.-]{1,100}|default)\s{1,8}login\s{1,8}[^\s]{1,100}\s{1,8}password\s{1,8}(?<password>[^\s<>{}$]{6,200})/gi,
  },
];
for (const { pattern } of patterns) searchable(pattern);

/** The secrets in a text, each once. */
export async function secrets(file: SearchedFile): Promise<Hit[]> {
  const found: { from: number; to: number; kind: string }[] = [];
  for (const { kind, pattern } of patterns) {
    for (const match of matchesIn(file, pattern)) {
      const { name = '', bare, value = bare, password } = match.groups ?? {};
      if (value !== undefined ? !isSecretValue(value) : isFilledUp(match[0])) continue;
      if (password !== undefined && isPlaceholder(password)) continue;
      found.push({ from: match.index - name.length, to: match.index + match[0].length, kind });
    }
  }
  const rules = presetRulesFor(file);
  if (rules.length > 0) {
    const { messages } = await lintSource({
      // No name, so that no rule looks for a file, and each file is searched by every rule.
      source: { filePath: 'text', content: file.text, contentType: 'text' },
      options: { config: { rules }, noPhysicFilePath: true, maskSecrets: true },
    });
    for (const { range, messageId } of messages) {
      if (isOfExample(messageId, file.text.slice(...range))) continue;
      found.push({ from: range[0], to: range[1], kind: kinds[messageId] ?? `a secret of the kind ${messageId}` });
    }
  }
  return withoutOverlaps(found).map(({ from, kind }) => ({ offset: from, what: `holds what looks like ${kind}` }));
}

/** Whether the value of a name like `token` is a secret: no address, path, part of a program or the begin of a token. */
function isSecretValue(value: string): boolean {
  if (
    /^(?:https?:|arn:|file:|[.~]{0,2}\/|@|sha\d{3}[-:])|\w\.\w+\.\w+\.\w|^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$/.test(value)
  ) {
    return false;
  }
  return looksRandom(value) && !/^eyJ[\w-]{0,200}\.{0,3}$/.test(value);
}

/** Whether the preset found the address of an example or of a database on this machine that everybody may know. */
function isOfExample(messageId: string, found: string): boolean {
  const [, user = '', password, host = ''] =
    /:\/\/([^:/\s]{0,256}):([^@/\s]{0,256})@([^/\s:?]{0,256})/.exec(found) ?? [];
  if (password === undefined) return isFilledUp(found) && messageId !== 'PrivateKey';
  if (
    isPlaceholder(password) ||
    password === user ||
    /^(?:pass|pw|pwd|admin|root|user|postgres|mysql|mongo|guest|dev|db|app)\d{0,4}$/i.test(password)
  ) {
    return true;
  }
  return (
    /^(?:localhost|127\.0\.0\.1|0\.0\.0\.0|host|hostname|server|example\.\w+|.*\.example(?:\.\w+)?)$/i.test(host) &&
    !looksRandom(password)
  );
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
