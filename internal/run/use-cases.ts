/**
 * Every use-case: what its request and result are, where it is, and who one will have to be where a server runs it for many.
 * A command loads its own use-case alone, so that no start pays for the others or for the definitions of values.
 */
import type * as z from 'zod/mini';
import type { UseCase } from './ports.ts';

/** What somebody can be where a server runs use-cases for many; on one's own machine nobody is asked for it. */
export type Role = 'user' | 'approver' | 'operator' | 'auditor' | 'admin';

/** What a request and a result are. */
interface Values<Request, Result> {
  request: z.ZodMiniType<Request>;
  result: z.ZodMiniType<Result>;
}

/** One use-case. */
export interface ListedUseCase {
  role: Role;
  load(): Promise<UseCase<never, unknown>>;
  values(): Promise<Values<unknown, unknown>>;
}

/** The definitions that belong to the use-cases of one file. */
type ValuesOf<Uses> = {
  [Name in keyof Uses]: Uses[Name] extends UseCase<infer Request, infer Result> ? Values<Request, Result> : never;
};

/** The use-cases of one file: each has its definitions under the same name in a file of values. */
function listed<Uses, Name extends keyof Uses & string>(
  load: () => Promise<Uses>,
  values: () => Promise<Pick<ValuesOf<Uses>, Name>>,
  roles: Readonly<Record<Name, Role>>,
): Record<string, ListedUseCase> {
  return Object.fromEntries(
    (Object.keys(roles) as Name[]).map((name) => [
      name,
      {
        role: roles[name],
        load: async () => (await load())[name] as UseCase<never, unknown>,
        values: async () => (await values())[name] as Values<unknown, unknown>,
      },
    ]),
  );
}

/** All of them, by name. */
export const useCases: Readonly<Record<string, ListedUseCase>> = {
  ...listed(
    () => import('./use-cases/sign-in.ts'),
    () => import('./values/sign-in.ts'),
    { login: 'user', logout: 'user', whoami: 'user' },
  ),
};
