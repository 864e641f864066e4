/** What is missing for a test, and whether .ci/run could have installed it. */
export interface Missing {
  reason: string;
  /** `.ci/run` installs it, so in CI its absence is a failure and not a reason. */
  installable: boolean;
}

/**
 * Whether a test has to be skipped; prints why, since a test that is left out in silence looks like one that passed.
 * Throws in CI where the missing thing should have been installed.
 */
export function skipped(missing: Missing | false): boolean {
  if (missing === false) return false;
  // biome-ignore lint/style/noProcessEnv: a test may know where it runs
  if (missing.installable && process.env['CI'] === 'true') throw new Error(`required in CI: ${missing.reason}`);
  process.stderr.write(`skipped: ${missing.reason}\n`);
  return true;
}
