/** Every page of the console, in one table, in the order of the navigation. What is not here is not there. */
import { connectionsPages } from './connections.ts';
import type { PageRoute } from './page.ts';

/** To add pages, write a file that exports its rows, and put them here. */
export const pages: readonly PageRoute[] = [...connectionsPages];
