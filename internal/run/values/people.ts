/** The request and result of whoever looks through the people of a workspace. */
import * as z from 'zod/mini';
import { owner } from './common.ts';

export const listPeople = {
  request: z.strictObject({ find: z.optional(z.string()), page: z.number() }),
  result: z.strictObject({
    people: z.array(
      z.strictObject({
        owner,
        label: z.string(),
        is_offboarded: z.boolean(),
        /** The active ones. */
        vaults: z.array(z.strictObject({ vault_id: z.string(), created_at: z.string(), signature: z.string() })),
      }),
    ),
    found: z.number(),
    page: z.number(),
    pages: z.number(),
  }),
};

export type ListPeopleRequest = z.output<typeof listPeople.request>;
export type ListedPeople = z.output<typeof listPeople.result>;
