/** Runs use-cases as a server would: what they are asked and what they answer goes through JSON and its definition. */
import { isDeepStrictEqual } from 'node:util';
import { performWhereItBelongs } from '../../internal/cli/perform.ts';
import type { Perform } from '../../internal/cli/program.ts';
import type { UseCase } from '../../internal/run/ports.ts';
import { type ListedUseCase, useCases } from '../../internal/run/use-cases.ts';

/** A {@link Perform} that writes down what is no plain value of its definition. */
export function plainly(wrong: string[]): Perform {
  return async (useCase, request, ports) => {
    const entry = await entryOf(useCase);
    if (entry === undefined) {
      wrong.push(`${useCase.name} is not in internal/run/use-cases.ts`);
      return await performWhereItBelongs(useCase, request, ports);
    }
    const [name, { values }] = entry;
    const definition = await values();
    const through = <Value>(what: 'request' | 'result', value: Value): Value => {
      const back = JSON.parse(JSON.stringify(value)) as Value;
      if (!isDeepStrictEqual(back, withoutUndefined(value))) wrong.push(`the ${what} of ${name} is no plain value`);
      const { error } = definition[what].safeParse(back);
      if (error !== undefined) wrong.push(`the ${what} of ${name}: ${JSON.stringify(error.issues)}`);
      return back;
    };
    return through('result', await performWhereItBelongs(useCase, through('request', request), ports));
  };
}

const byFunction = new Map<UseCase<never, unknown>, [string, ListedUseCase]>();

async function entryOf(useCase: UseCase<never, unknown>): Promise<[string, ListedUseCase] | undefined> {
  if (byFunction.size === 0) {
    for (const entry of Object.entries(useCases)) byFunction.set(await entry[1].load(), entry);
  }
  return byFunction.get(useCase);
}

/** JSON leaves out members that are undefined, and a type may have them; nothing else may be lost. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const members = Object.entries(value).flatMap(([key, member]) =>
    member === undefined ? [] : [[key, withoutUndefined(member)]],
  );
  return Object.fromEntries(members);
}
