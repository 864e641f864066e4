/** The name of a service, agent, environment or skill, which is also what its file or folder is called. */
export const namePattern = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** What has names that completion knows: files of the configuration, and skills. */
export const nameKinds = ['services', 'agents', 'environments', 'skills'] as const;

/** One of {@link nameKinds}. */
export type NameKind = (typeof nameKinds)[number];

/** What the platform calls its own tools: a service of that name would be taken for them. */
export const platformsOwn = 'builtin';
