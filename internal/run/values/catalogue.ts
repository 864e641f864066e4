/** The requests and results of whoever looks through the catalogue. */
import * as z from 'zod/mini';

const kindOfTool = z.enum(['read', 'write', 'destructive']);
const text = z.nullable(z.string());

export const showCatalogue = {
  request: z.strictObject({ service: z.optional(z.string()) }),
  result: z.strictObject({
    services: z.array(
      z.strictObject({
        name: z.string(),
        title: z.string(),
        address: z.string(),
        /** Whether its tools were listed. */
        is_pinned: z.boolean(),
        read: z.number(),
        write: z.number(),
        destructive: z.number(),
        /** How many of them are off because of their pin. */
        off: z.number(),
      }),
    ),
    /** Those of the service that was named. */
    tools: z.array(
      z.strictObject({
        tool: z.string(),
        /** Null for what its file does not list. */
        class: z.nullable(kindOfTool),
        listed: z.boolean(),
        pin: z.enum(['on', 'off']),
        reason: z.string(),
        router: text,
        reviewed_by: text,
        reviewed_at: text,
      }),
    ),
  }),
};

export const listWaitingTools = {
  request: z.strictObject({ service: z.optional(z.string()) }),
  result: z.strictObject({
    services: z.array(
      z.strictObject({
        service: z.string(),
        /** The worst first. */
        tools: z.array(
          z.strictObject({
            tool: z.string(),
            change: z.enum(['new', 'changed', 'varying', 'gone']),
            counts_as: kindOfTool,
            is_listed: z.boolean(),
            suspicions: z.array(z.string()),
            /** What it says or what is different, for people. */
            lines: z.array(z.string()),
            tick: z.string(),
            tick_shape: text,
            /** A router, which counts as destructive without a reason. */
            takes_reason: z.boolean(),
          }),
        ),
        /** Those that read by all accounts. */
        all_read: z.nullable(z.strictObject({ tools: z.array(z.string()), tick: z.string() })),
      }),
    ),
    moved: z.array(z.string()),
    not_pinned: z.array(z.string()),
  }),
};

export const tickToolSheet = {
  request: z.strictObject({ ticks: z.array(z.string()), reasons: z.record(z.string(), z.string()) }),
  result: z.strictObject({
    sheet: z.string(),
    tools: z.array(z.strictObject({ service: z.string(), tool: z.string() })),
  }),
};

export type CatalogueRequest = z.output<typeof showCatalogue.request>;
export type Catalogue = z.output<typeof showCatalogue.result>;
export type WaitingToolsRequest = z.output<typeof listWaitingTools.request>;
export type WaitingTools = z.output<typeof listWaitingTools.result>;
export type TickSheetRequest = z.output<typeof tickToolSheet.request>;
export type TickedSheet = z.output<typeof tickToolSheet.result>;
