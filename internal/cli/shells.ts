/** The shells that a completion script can be written for. */
export const shells = ['bash', 'zsh', 'fish', 'pwsh'] as const;

/** One of {@link shells}. */
export type Shell = (typeof shells)[number];
