/** The name of a service, agent, environment or skill, which is also what its file or folder is called. */
export const namePattern = /^[a-z0-9]+(-[a-z0-9]+)*$/;
