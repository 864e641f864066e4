/** Every environment variable the product reads, in one table; docs/environment.md is tested against it. */

interface Variable {
  meaning: string;
  secret?: true;
}

/** Name, meaning and secrecy of each variable. What is not listed here is not read by us. */
export const variables = {
  ANTHROPIC_API_KEY: { meaning: 'the workspace API key', secret: true },
  ANTHROPIC_AUTH_TOKEN: { meaning: 'a bearer token instead of the API key', secret: true },
  ANTHROPIC_FEDERATION_RULE_ID: {
    meaning: 'the rule that judges the identity token of a CI job, instead of a key: `fdrl_...`',
  },
  ANTHROPIC_ORGANIZATION_ID: { meaning: 'the organization of that rule, a UUID' },
  ANTHROPIC_SERVICE_ACCOUNT_ID: { meaning: 'the service account that the job acts as: `svac_...`' },
  ANTHROPIC_WORKSPACE_ID: {
    meaning: 'the workspace of that token, where the rule has several: `wrkspc_...` or `default`',
  },
  ANTHROPIC_IDENTITY_TOKEN_FILE: {
    meaning: 'the file with the identity token of the job; read anew whenever it is needed',
  },
  ANTHROPIC_IDENTITY_TOKEN: {
    meaning: 'the identity token itself; in GitHub Actions neither of the two is needed',
    secret: true,
  },
  ANTHROPIC_WEBHOOK_SIGNING_KEY: {
    meaning:
      'for `serve`: what the platform signs its webhooks with; several, separated by spaces, while one takes the place of another',
    secret: true,
  },
  MAI_NOTICES_KEY: {
    meaning:
      'for `serve`: what notices are signed with, where `notices.signing_key` says so; several, separated by spaces, while one takes the place of another',
    secret: true,
  },
  DATABASE_URL: {
    meaning:
      'for `service-connection serve` alone: the database that several replicas share; `--database-url-file` and `--database-url-fd` come first',
    secret: true,
  },
  ANTHROPIC_BASE_URL: { meaning: 'another address of the platform; https, or http on loopback' },
  HTTPS_PROXY: { meaning: 'the proxy that https goes through: `http://<host>:<port>`; `https_proxy` comes first' },
  https_proxy: { meaning: 'the same, as curl spells it' },
  HTTP_PROXY: { meaning: 'the proxy that http goes through, which is only ever on loopback; `http_proxy` comes first' },
  http_proxy: { meaning: 'the same, as curl spells it' },
  NO_PROXY: {
    meaning: 'what is reached without a proxy: hosts with all below them, addresses, ranges (CIDR), `host:port`, `*`',
  },
  no_proxy: { meaning: 'the same, as curl spells it' },
  NODE_EXTRA_CA_CERTS: {
    meaning: 'read by Node: a file with certificate authorities to trust as well, such as that of a proxy',
  },
  MAI_CONFIG: { meaning: 'the configuration folder, before a `config/` here or above' },
  MAI_HOME: {
    meaning:
      'the folder for what is kept between runs and for personal settings (`cache`, `config` and `state` below it), in the place of the usual ones of the system',
  },
  MAI_WORKSPACE: {
    meaning: 'the name of a workspace, where the configuration names several; `--workspace` comes first',
  },
  MAI_ALLOW_LOOPBACK_HTTP: { meaning: '`1` lets services and identity providers on loopback use http; for tests only' },
  MAI_KEYCHAIN: { meaning: '`off` leaves the keychain of the operating system alone: nothing is remembered in it' },
  BROWSER: {
    meaning:
      'the browser, instead of that of the system: a program, a command with arguments (`%s` is the URL, quotes hold blanks together), or several with `:` between them (`;` on Windows), tried in turn; one that shows pages in a terminal is passed over',
  },
  NO_COLOR: { meaning: 'no color when set to anything' },
  FORCE_COLOR: { meaning: 'color even when the output is not a terminal' },
  TERM: { meaning: '`dumb`, or none outside Windows, gets plain lines instead of one that changes' },
  CI: { meaning: 'no browser, no questions, plain progress lines; `false` counts as not set' },
  SSH_CONNECTION: { meaning: 'no browser is opened: it would open on the wrong machine' },
  DISPLAY: { meaning: 'on Linux, a browser is opened only when this or WAYLAND_DISPLAY is set' },
  WAYLAND_DISPLAY: { meaning: 'see DISPLAY' },
  MAI_ID_TOKEN: {
    meaning: 'a token of a CI job, where `identity.workloads` names it; so do those that begin with `MAI_ID_TOKEN_`',
    secret: true,
  },
  CLAUDE_CODE_MCP_USER_TOKEN: {
    meaning:
      'an ID token of the person, from a client that they signed in to; verified as any other ([identity.md](identity.md#a-token-that-a-client-hands-over))',
    secret: true,
  },
  CLAUDE_CODE_MCP_SERVER_NAME: {
    meaning:
      'set by Claude Code for `headersHelper`: the name of the server that it asks for; `service-connection headers` compares it with the catalogue',
  },
  CLAUDE_CODE_MCP_SERVER_URL: { meaning: 'set by Claude Code beside it: the address of that server' },
  CLAUDE_CODE_MCP_USER_TOKEN_ISSUER: { meaning: 'whose token that is; it has to be `identity.issuer`' },
  ACTIONS_ID_TOKEN_REQUEST_URL: { meaning: 'set by GitHub Actions: where a job asks for its token' },
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: { meaning: 'set by GitHub Actions: what it asks with', secret: true },
  GITHUB_ACTIONS: { meaning: 'set by GitHub Actions: `true` has `skill-sync` report in its ways' },
  GITHUB_STEP_SUMMARY: { meaning: 'set by GitHub Actions: the file that the summary of the job is appended to' },
  GITHUB_OUTPUT: { meaning: 'set by GitHub Actions: the file that the outputs of a step are appended to' },
  GITHUB_WORKSPACE: { meaning: 'set by GitHub Actions: the folder of the repository; reports name files below it' },
  GITLAB_CI: { meaning: 'set by GitLab: `true` has `skill-sync` write a code quality report' },
  CI_PROJECT_DIR: { meaning: 'set by GitLab: the folder of the repository, as GITHUB_WORKSPACE' },
  NODE_TLS_REJECT_UNAUTHORIZED: { meaning: '`0` would let any server be any other: nothing is started' },
  NODE_OPTIONS: { meaning: 'the same with `--tls-min-v1.0`, `--tls-min-v1.1`, `--tls-cipher-list` and `--tls-keylog`' },
  SUDO_UID: { meaning: 'when set, the operating system identity is refused' },
} as const satisfies Record<string, Variable>;

/** The name of a variable that the product reads. */
export type VariableName = keyof typeof variables;

/** The variables of the table that are set and not empty, and further tokens of CI jobs. */
export type Environment = Readonly<
  Partial<Record<VariableName, string>> & Record<`${typeof jobTokenPrefix}${string}`, string | undefined>
>;

/** A CI job may have tokens for several issuers or audiences; the configuration says which one it looks at. */
export const jobTokenPrefix = 'MAI_ID_TOKEN_';

/** Takes the variables of the table out of a process environment. An empty string counts as not set, and so does `CI=false`. */
export function readEnvironment(source: Readonly<Record<string, string | undefined>>): Environment {
  const names = [...Object.keys(variables), ...Object.keys(source).filter((name) => name.startsWith(jobTokenPrefix))];
  return Object.fromEntries(names.flatMap((name) => (isSet(name, source[name]) ? [[name, source[name]]] : [])));
}

/**
 * Whether a variable is none of a child's business: the platform's, which hold its key and the silent switches of its SDK,
 * and those with which somebody proves who they are (P3).
 */
export function isWithheld(name: string): boolean {
  const prefixes = [
    'ANTHROPIC_',
    'ACTIONS_ID_TOKEN_REQUEST_',
    'MAI_ID_TOKEN',
    'CLAUDE_CODE_MCP_USER_TOKEN',
    'DATABASE_URL',
    'MAI_NOTICES_KEY',
  ];
  return prefixes.some((prefix) => name.startsWith(prefix));
}

function isSet(name: string, value: string | undefined): boolean {
  return value !== undefined && value !== '' && !(name === 'CI' && value === 'false');
}
