import { z } from 'zod';
import type { Answer } from './answer.ts';
import { parse, queryObject } from './schema.ts';
import type { Workspace } from './workspace.ts';

/**
 * What the managed-agents beta header does for a route: `required` refuses a request without it
 * (choices.missingBeta), `hidden` pretends that the route does not exist (documented for streams and threads),
 * `unneeded` does not look (documented for skills).
 */
export type BetaRule = 'required' | 'hidden' | 'unneeded';

/** A request as a handler sees it. */
export interface Call<Query, Body> {
  workspace: Workspace;
  query: Query;
  body: Body;
  /** A named segment of the path, decoded. */
  param(name: string): string;
}

/** A request whose query and body nobody has looked at yet. */
interface UncheckedCall {
  workspace: Workspace;
  params: Readonly<Record<string, string>>;
  search: URLSearchParams;
  /** Parsed JSON, a form where the route takes one, or undefined when the body was empty. */
  body: unknown;
}

/** A route that the router can offer a request to. */
export interface Route {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  beta: BetaRule;
  takesForm: boolean;
  run(call: UncheckedCall): Answer | Promise<Answer>;
}

const nothing = z.strictObject({});

/** Defines a route whose query, and for POST the JSON body, must fit the given schemas exactly. */
export function route<Query extends z.ZodType = typeof nothing, Body extends z.ZodType = typeof nothing>(
  line: `${Route['method']} /v1/${string}`,
  options: { beta?: BetaRule; query?: Query; body?: Body },
  handle: (call: Call<z.output<Query>, z.output<Body>>) => Answer | Promise<Answer>,
): Route {
  return {
    ...linePartsOf(line),
    beta: options.beta ?? 'required',
    takesForm: false,
    run: (call) =>
      handle({
        workspace: call.workspace,
        query: parse(options.query ?? nothing, queryObject(call.search)) as z.output<Query>,
        body: parse(options.body ?? nothing, call.body ?? {}) as z.output<Body>,
        param: paramReader(call),
      }),
  };
}

/** Defines a route that takes a multipart form. */
export function formRoute(
  line: `POST /v1/${string}`,
  options: { beta: BetaRule },
  handle: (call: Call<object, FormData>) => Answer | Promise<Answer>,
): Route {
  return {
    ...linePartsOf(line),
    beta: options.beta,
    takesForm: true,
    run: (call) =>
      handle({
        workspace: call.workspace,
        query: parse(nothing, queryObject(call.search)),
        body: call.body instanceof FormData ? call.body : new FormData(),
        param: paramReader(call),
      }),
  };
}

function linePartsOf(line: `${Route['method']} /v1/${string}`): Pick<Route, 'method' | 'path'> {
  const [method, path] = line.split(' ') as [Route['method'], string];
  return { method, path };
}

function paramReader({ params }: UncheckedCall): (name: string) => string {
  return (name) => {
    const value = params[name];
    if (value === undefined) throw new Error(`the route has no :${name}`);
    return value;
  };
}
