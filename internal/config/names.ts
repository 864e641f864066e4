/** The name of a service, agent, environment or skill, which is also what its file or folder is called. */
export const namePattern = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** Names that no service can have: subcommands would hide it, or the platform's own tools would be taken for its own. */
export const reservedServices: readonly string[] = [
  'add',
  'builtin',
  'check',
  'completion',
  'disconnect',
  'doctor',
  'list',
  'login',
  'logout',
  'whoami',
];
