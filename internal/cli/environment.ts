/** Every environment variable the product reads, in one table; docs/environment.md is tested against it. */

interface Variable {
  meaning: string;
  secret?: true;
}

/** Name, meaning and secrecy of each variable. What is not listed here is not read by us. */
export const variables = {
  ANTHROPIC_API_KEY: { meaning: 'the workspace API key', secret: true },
  ANTHROPIC_AUTH_TOKEN: { meaning: 'a bearer token instead of the API key', secret: true },
  ANTHROPIC_BASE_URL: { meaning: 'another address of the platform; https, or http on loopback' },
  MAI_CONFIG: { meaning: 'the configuration folder, before ./config' },
  MAI_ALLOW_LOOPBACK_HTTP: { meaning: '`1` lets services and identity providers on loopback use http; for tests only' },
  MAI_KEYCHAIN: { meaning: '`off` leaves the keychain of the operating system alone: nothing is remembered in it' },
  BROWSER: { meaning: 'the program that opens a URL, instead of the system browser' },
  NO_COLOR: { meaning: 'no color when set to anything' },
  FORCE_COLOR: { meaning: 'color even when the output is no terminal' },
  CI: { meaning: 'no browser, no questions, plain progress lines; `false` counts as not set' },
  SSH_CONNECTION: { meaning: 'no browser is opened: it would open on the wrong machine' },
  DISPLAY: { meaning: 'on Linux, a browser is opened only when this or WAYLAND_DISPLAY is set' },
  WAYLAND_DISPLAY: { meaning: 'see DISPLAY' },
  SUDO_UID: { meaning: 'when set, the operating system identity is refused' },
} as const satisfies Record<string, Variable>;

/** The name of a variable that the product reads. */
export type VariableName = keyof typeof variables;

/** The variables of the table that are set and not empty. */
export type Environment = Readonly<Partial<Record<VariableName, string>>>;

/** Takes the variables of the table out of a process environment. An empty string counts as not set, and so does `CI=false`. */
export function readEnvironment(source: Readonly<Record<string, string | undefined>>): Environment {
  const names = Object.keys(variables) as VariableName[];
  return Object.fromEntries(names.flatMap((name) => (isSet(name, source[name]) ? [[name, source[name]]] : [])));
}

function isSet(name: VariableName, value: string | undefined): boolean {
  return value !== undefined && value !== '' && !(name === 'CI' && value === 'false');
}
