/** The name of a service, agent, environment or skill, which is also what its file or folder is called. */
export const namePattern = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** What the platform calls its own tools: a service of that name would be taken for them. */
export const platformsOwn = 'builtin';
