/**
 * What a command and the console say to each other. A run is one request, and its answer is a line of JSON for each thing
 * that happens, up to its result or its error. What the person is asked meanwhile is answered in requests of their own.
 * Both sides check what the other one says, here.
 */
import * as z from 'zod/mini';
import { type ErrorCode, exitCodeOf } from '../errors/exit-codes.ts';

/** Where everything of the interface is. Another number is another interface. */
export const base = '/v1';

/** Where a use-case is asked for. */
export function useCasePath(name: string): string {
  return `${base}/use-cases/${name}`;
}

/** The largest request, in bytes. */
export const largestRequest: number = 1024 * 1024;
/** The longest line of an answer, in characters. */
export const longestLine: number = 8 * 1024 * 1024;

const seconds = z.number().check(z.positive(), z.maximum(86_400));
const line = z.string().check(z.maxLength(4096));
const port = z.int().check(z.minimum(1), z.maximum(65_535));
const place = z.strictObject({
  host: z.enum(['127.0.0.1', 'localhost']),
  port: z.optional(port),
  path: line,
});

/**
 * What is said of the one who asks, beside what is asked for. None of it says who that is. What a later version says more is
 * passed over: it changes nothing of what is asked for.
 */
export const asking = z.object({
  executable: z.enum(['service-connection', 'setup-session', 'skill-sync']),
  version: z.string().check(z.maxLength(64)),
  workspace: z.optional(z.string().check(z.maxLength(64))),
  timeoutSeconds: z.optional(seconds),
  /** Whether somebody is there who can be asked. */
  interactive: z.boolean(),
  /** Whether the person wants to enter codes, and no browser on their machine. */
  byCode: z.boolean(),
  callbackPort: z.optional(port),
  /** Whether the person has just signed in: for the words that say so. */
  signedInNow: z.boolean(),
});

/** The body of a run. `request` is judged by the definition of its use-case. */
export const runBody = z.strictObject({ request: z.unknown(), asking });

const error = z.object({
  /** One that a later version has is told in its words, as a refusal. */
  code: z.catch(z.enum(Object.keys(exitCodeOf) as [ErrorCode, ...ErrorCode[]]), 'console_refused'),
  message: z.string(),
  hint: z.optional(z.nullable(z.string())),
  /** Of the request, for whoever runs the console. */
  id: z.optional(z.string()),
  /** What the sign-in has to show, where a better one would be enough. */
  requirement: z.optional(
    z.object({
      acr: z.optional(z.array(z.string())),
      amr: z.optional(z.array(z.string())),
      max_age: z.optional(z.string().check(z.regex(/^[1-9][0-9]{0,5}(s|m|h|d)$/))),
    }),
  ),
});

/** The body of an answer that is no run. */
export const errorBody = z.object({ error });

const progress = z.record(z.string(), z.union([z.string(), z.number(), z.null()]));
const outcome = z.object({
  ok: z.boolean(),
  title: z.optional(z.string()),
  facts: z.optional(z.array(z.tuple([z.string(), z.string()]))),
  next: z.optional(z.string()),
});

/**
 * A line of a kind that this version does not know. Without an id nothing is asked with it and nothing ends with it, and it is
 * passed over; with one, whoever cannot answer it can go no further.
 */
export const unknownLine = z.object({ kind: z.string(), id: z.optional(z.undefined()) });

/** One line of an answer. Members that this version does not know are passed over. */
export const said = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('run'), id: z.string().check(z.regex(/^[\w-]{1,64}$/)), version: z.string() }),
  z.object({ kind: z.enum(['note', 'detail', 'warn']), text: z.string(), event: z.optional(progress) }),
  z.object({ kind: z.literal('event'), event: progress }),
  z.object({ kind: z.literal('stream'), text: z.string() }),
  /** Something that takes time: it begins, is somewhere, and is over. */
  z.object({ kind: z.literal('wait'), id: z.int(), text: z.string() }),
  z.object({
    kind: z.literal('waiting'),
    id: z.int(),
    done: z.int(),
    all: z.optional(z.int()),
    text: z.optional(z.string()),
  }),
  z.object({ kind: z.literal('waited'), id: z.int(), text: z.optional(z.string()) }),
  /** Questions: each is answered with its id. */
  z.object({
    kind: z.enum(['yes', 'line', 'needed', 'unseen']),
    id: z.int(),
    text: z.string(),
    timeoutMs: z.number(),
    about: z.optional(z.literal('other account')),
  }),
  z.object({ kind: z.literal('entered'), id: z.int(), what: z.string(), command: z.string() }),
  z.object({ kind: z.literal('listen'), id: z.int(), place }),
  z.object({
    kind: z.literal('visit'),
    id: z.int(),
    listener: z.int(),
    authorization: z.string(),
    purpose: z.string(),
    command: z.string(),
    issuer: z.string(),
    issuerInResponse: z.boolean(),
  }),
  /** A code that somebody enters elsewhere; `over` ends it. */
  z.object({
    kind: z.literal('code'),
    id: z.int(),
    address: z.string(),
    code: z.string(),
    purpose: z.string(),
    command: z.string(),
  }),
  z.object({ kind: z.literal('over'), id: z.int() }),
  z.object({ kind: z.literal('finish'), listener: z.int(), outcome: z.optional(outcome) }),
  z.object({ kind: z.literal('result'), result: z.unknown() }),
  z.object({ kind: z.literal('error'), error }),
  /** Nothing follows. */
  z.object({ kind: z.literal('end') }),
  /** Proxies cut a connection on which nothing is said. */
  z.object({ kind: z.literal('ping') }),
]);

/** The kinds of lines that this version knows. */
export const kinds: ReadonlySet<string> = new Set(
  said.def.options.flatMap(({ shape: { kind } }) => [...kind._zod.values].map(String)),
);

/** The longest text that somebody enters, in characters. */
export const longestEntered: number = 64 * 1024;

/** The answer to a question. */
export const answerBody = z.union([
  z.strictObject({ yes: z.boolean() }),
  z.strictObject({ line: z.string().check(z.maxLength(longestEntered)) }),
  z.strictObject({ port }),
  /** The whole address that the browser came back to. */
  z.strictObject({ address: z.string().check(z.maxLength(16 * 1024)) }),
  z.strictObject({
    failed: z.strictObject({
      code: z.enum(['timed_out', 'client_needed', 'interrupted', 'sign_in_needed', 'port_taken']),
      message: z.string().check(z.maxLength(1024)),
      hint: z.optional(z.string().check(z.maxLength(1024))),
    }),
  }),
]);

/** What comes of an exchange (RFC 8693 section 2.2.1). */
export const exchanged = z.object({
  access_token: z.string().check(z.minLength(1), z.maxLength(4096)),
  token_type: z.literal('DPoP'),
  expires_in: z.number(),
});

/** The words of an exchange. */
export const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';
/** What is exchanged: the ID token of a person, or the token of a job. */
export const tokenTypes = {
  person: 'urn:ietf:params:oauth:token-type:id_token',
  job: 'urn:ietf:params:oauth:token-type:jwt',
} as const;

export type Asking = z.output<typeof asking>;
export type Said = z.output<typeof said>;
export type AnswerBody = z.output<typeof answerBody>;
export type WireError = z.output<typeof error>;
