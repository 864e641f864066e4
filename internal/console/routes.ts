/** Every route of a console, in one table: its method, and who may take it. What is not here is not there. */
import type { Role } from '../run/use-cases.ts';
import { base, useCasePath } from './protocol.ts';
import { type Reachable, reachableUseCases } from './reach.ts';

/** Who may take a route: everybody, anybody proven, those with a role, or whoever is on this very machine. */
export type Admission = 'everybody' | 'proven' | 'this machine' | Role;

/** One route. */
export interface Route {
  method: 'GET' | 'POST';
  /** As the router has it: `:run` stands for one part. */
  path: string;
  admission: Admission;
  /** What it carries out, where it is a use-case. */
  useCase?: Reachable;
}

/** The paths that are not of use-cases. */
export const paths = {
  live: '/health/live',
  ready: '/health/ready',
  metrics: '/metrics',
  description: `${base}/openapi.json`,
  token: `${base}/token`,
  logout: `${base}/logout`,
  webhook: `${base}/webhooks/platform`,
  answer: `${base}/runs/:run/answers/:question`,
  interrupt: `${base}/runs/:run/interrupt`,
} as const;

/** All of them. */
export function routes(): Route[] {
  return [
    { method: 'GET', path: paths.live, admission: 'everybody' },
    { method: 'GET', path: paths.ready, admission: 'everybody' },
    { method: 'GET', path: paths.metrics, admission: 'this machine' },
    { method: 'GET', path: paths.description, admission: 'proven' },
    // What is exchanged is what proves somebody.
    { method: 'POST', path: paths.token, admission: 'everybody' },
    // Identity provider and platform show who they are by what they have signed.
    { method: 'POST', path: paths.logout, admission: 'everybody' },
    { method: 'POST', path: paths.webhook, admission: 'everybody' },
    // Whoever began a run, and nobody else, whatever they are.
    { method: 'POST', path: paths.answer, admission: 'proven' },
    { method: 'POST', path: paths.interrupt, admission: 'proven' },
    ...reachableUseCases().map(
      (useCase): Route => ({ method: 'POST', path: useCasePath(useCase.name), admission: useCase.role, useCase }),
    ),
  ];
}
