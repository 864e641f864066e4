/** The secret of a client that somebody registered at a service of the sandbox, as a command is given it. */
import { openSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SandboxService } from '../sandbox/services/service.ts';

/** The secret of the client that is registered at a service. */
export function clientSecretOf({ name, registration }: SandboxService): string {
  if (registration.kind === 'pre-registered' && registration.clientSecret !== undefined) {
    return registration.clientSecret;
  }
  throw new Error(`the client of ${name} has no secret`);
}

/**
 * Opens a descriptor of this process that holds a text, as a shell does with `3< <(command)`, and returns its number.
 * Whoever reads it closes it; nothing of it is left in the file system.
 */
export async function descriptorWith(text: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'descriptor-'));
  const file = join(folder, 'text');
  await writeFile(file, text);
  const descriptor = openSync(file, 'r');
  await rm(folder, { recursive: true });
  return descriptor;
}

/** The arguments that connect a service, its client's secret on a descriptor where it has one. */
export async function connecting(service: SandboxService, ...more: string[]): Promise<string[]> {
  const { name, registration } = service;
  const confidential = registration.kind === 'pre-registered' && registration.clientSecret !== undefined;
  const secret = confidential
    ? ['--client-secret-fd', String(await descriptorWith(`${clientSecretOf(service)}\n`))]
    : [];
  return [name, ...secret, ...more];
}
