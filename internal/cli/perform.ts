/** Carries out a use-case where the configuration has it done: here, or at a console that holds the key. */
import { join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { readText } from '../outside/files.ts';
import { locateProject } from '../run/place.ts';
import type { Ports, UseCase } from '../run/ports.ts';

/** Carries it out. Throws what the use-case throws, here or there, and what going there throws. */
export async function performWhereItBelongs<Request, Result>(
  useCase: UseCase<Request, Result>,
  request: Request,
  ports: Ports,
): Promise<Result> {
  // The jobs that push skills have a token of their own.
  if (ports.executable === 'skill-sync') return await performHere(useCase, request, ports);
  if (!(await mayNameConsole(ports))) return await useCase(request, ports);
  const { placeOf } = await import('../console/reach.ts');
  const place = await placeOf(useCase, ports.executable);
  if (place === 'here') return await performHere(useCase, request, ports);
  const { loadProject } = await import('../run/project.ts');
  const configuration = await loadProject(ports, { workspace: 'any' });
  const origin = configuration.interface.console;
  if (origin === undefined) return await useCase(request, ports);
  if (place === 'nowhere') {
    throw new AppError('usage', 'this is not done through a console yet', {
      hint: 'whoever has the key does it with a configuration that names no console: --config <folder>',
    });
  }
  const { performAtConsole } = await import('../console/remote/perform.ts');
  return (await performAtConsole(ports, { configuration, origin, useCase: place, request })) as Result;
}

/** Carries out what a console does not do. Where there is one, whoever has no key is not told to get one. */
async function performHere<Request, Result>(
  useCase: UseCase<Request, Result>,
  request: Request,
  ports: Ports,
): Promise<Result> {
  try {
    return await useCase(request, { ...ports, atConsole });
  } catch (error) {
    const isKeyless = error instanceof AppError && error.code === 'platform_key_missing';
    if (!isKeyless || !(await mayNameConsole(ports))) throw error;
    throw new AppError(error.code, `${error.message}, and a console does not do this`, {
      cause: error,
      hint: 'have a CI job do it, which needs no key (docs/ci.md), or an operator who has one; what is in force, the console shows: setup-session agents list',
    });
  }
}

/** A part of what is done here that the console alone can judge. Throws as {@link performWhereItBelongs}. */
const atConsole: NonNullable<Ports['atConsole']> = async (useCase, request, ports) => {
  const { placeOf } = await import('../console/reach.ts');
  const place = await placeOf(useCase, ports.executable);
  const { loadProject } = await import('../run/project.ts');
  const configuration = await loadProject(ports, { workspace: 'any' });
  const origin = configuration.interface.console;
  if (typeof place === 'string' || origin === undefined) throw new AppError('bug', 'this is not done at a console');
  const { performAtConsole } = await import('../console/remote/perform.ts');
  return (await performAtConsole(ports, { configuration, origin, useCase: place, request })) as Awaited<
    ReturnType<typeof useCase>
  >;
};

/** Whether it is worth a closer look: most configurations name no console, and pay for no more than this. */
async function mayNameConsole(ports: Ports): Promise<boolean> {
  try {
    const { folder } = await locateProject(ports);
    const text = await readText(join(folder, 'interface.yaml'));
    return text !== undefined && /\bconsole["']?\s*:/.test(text);
  } catch (error) {
    // Whoever needs it finds out, and says it in its own words.
    if (error instanceof AppError) return false;
    throw error;
  }
}
