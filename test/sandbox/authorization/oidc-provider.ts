/**
 * The only door to oidc-provider. On Node.js 20 it greets every import with a warning about the
 * runtime, which would end up in the middle of the demo; the versions are tested together, so the
 * greeting (and nothing else) is swallowed here.
 */

// biome-ignore-start lint/suspicious/noConsole: the library writes to the console, so the console is where to stop it
const warn = console.warn;
console.warn = () => undefined;
const library = await import('oidc-provider');
console.warn = warn;
// biome-ignore-end lint/suspicious/noConsole: see above

export const { Provider, errors } = library;
