import * as z from 'zod/mini';
import { hostDefinition } from './addresses.ts';

/** `environments/<name>.yaml`: the network that the container of a session sees. */
export const environmentDefinition = z.strictObject({
  description: z.optional(z.string().check(z.maxLength(2048))),
  networking: z.literal('limited', {
    error: ({ input }) =>
      input === 'unrestricted'
        ? 'with an open network a session can carry what it reads to anywhere: write limited and list the hosts it needs'
        : undefined,
  }),
  allowed_hosts: z._default(z.array(hostDefinition).check(z.describe('bare hosts that the container may reach')), []),
  allow_mcp_servers: z.boolean().check(z.describe('true where sessions use MCP servers')),
  allow_package_managers: z._default(z.boolean().check(z.describe('true where sessions install packages')), false),
});
