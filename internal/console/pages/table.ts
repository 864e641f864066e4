/** Every page of the console, in one table, in the order of the navigation. What is not here is not there. */
import { agentsPages } from './agents.ts';
import { approvalsPages } from './approvals.ts';
import { auditPages } from './audit.ts';
import { cataloguePages } from './catalogue.ts';
import { connectionsPages } from './connections.ts';
import { eventsPages } from './events.ts';
import type { PageRoute } from './page.ts';
import { peoplePages } from './people.ts';
import { sessionsPages } from './sessions.ts';

/** To add pages, write a file that exports its rows, and put them here. */
export const pages: readonly PageRoute[] = [
  ...connectionsPages,
  ...agentsPages,
  ...cataloguePages,
  ...sessionsPages,
  ...approvalsPages,
  ...auditPages,
  ...peoplePages,
  ...eventsPages,
];
