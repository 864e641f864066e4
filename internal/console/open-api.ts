/** What a console can be asked, as OpenAPI 3.1: made of the definitions that judge the requests, so it cannot say anything else. */
import * as z from 'zod/mini';
import { answerBody, asking, errorBody, exchanged, exchangeGrant, said } from './protocol.ts';
import { paths, type Route, routes } from './routes.ts';

type Schema = Readonly<Record<string, unknown>>;

const schemaOf = (definition: z.ZodMiniType, io: 'input' | 'output'): Schema => {
  const { $schema: _, ...schema } = z.toJSONSchema(definition, { io, unrepresentable: 'any', target: 'draft-2020-12' });
  return schema;
};

/** The description. */
export async function openApi(origin: string, version: string): Promise<unknown> {
  const described = await Promise.all(routes().map(async (route) => [route, await operationOf(route)] as const));
  const byPath: Record<string, Record<string, unknown>> = {};
  for (const [{ path, method }, operation] of described) {
    const place = path.replace(/:(\w+)/g, '{$1}');
    byPath[place] = { ...byPath[place], [method.toLowerCase()]: operation };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'managed-agents-interface: the console', version },
    servers: [{ url: origin }],
    paths: byPath,
    components: {
      securitySchemes: {
        session: {
          type: 'http',
          scheme: 'DPoP',
          description: `the token of POST ${paths.token}, with a proof of its key for each request (RFC 9449)`,
        },
        accessToken: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'at+jwt',
          description:
            'an access token of the issuer of the configuration whose one audience is this console (RFC 9068)',
        },
      },
      schemas: { error: schemaOf(errorBody, 'output'), line: schemaOf(said, 'output') },
    },
  };
}

async function operationOf({ path, admission, useCase }: Route): Promise<Schema> {
  const parameters = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const open = admission === 'everybody' || admission === 'this machine';
  return {
    operationId:
      useCase?.name ??
      path
        .split('/')
        .filter((part) => /^[a-z]/.test(part))
        .join('-')
        .replace('v1-', ''),
    description: `for: ${admission}`,
    ...(parameters.length > 0 && { parameters }),
    security: open ? [] : [{ session: [] }, { accessToken: [] }],
    ...(await bodyOf(path, useCase)),
    responses: { ...(await answerOf(path, useCase)), default: failure },
  };
}

const failure = {
  description: 'refused, or could not be done: the code is one of docs/exit-codes.md',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/error' } } },
};

async function bodyOf(path: string, useCase: Route['useCase']): Promise<Schema> {
  const json = (schema: Schema) => ({ requestBody: { required: true, content: { 'application/json': { schema } } } });
  if (useCase !== undefined) {
    const { request } = await useCase.values();
    return json({
      type: 'object',
      properties: { request: schemaOf(request, 'input'), asking: schemaOf(asking, 'input') },
      required: ['request', 'asking'],
      additionalProperties: false,
    });
  }
  if (path === paths.answer) return json(schemaOf(answerBody, 'input'));
  if (path !== paths.token) return {};
  const schema = {
    type: 'object',
    properties: {
      grant_type: { const: exchangeGrant },
      subject_token: { type: 'string' },
      subject_token_type: { type: 'string' },
    },
    required: ['grant_type', 'subject_token', 'subject_token_type'],
  };
  return { requestBody: { required: true, content: { 'application/x-www-form-urlencoded': { schema } } } };
}

async function answerOf(path: string, useCase: Route['useCase']): Promise<Schema> {
  if (useCase !== undefined) {
    const { result } = await useCase.values();
    return {
      200: {
        description:
          'a line of JSON for each thing that happens; the member `result` of the line of that kind is the result',
        content: {
          'application/x-ndjson': {
            itemSchema: { $ref: '#/components/schemas/line' },
            'x-result': schemaOf(result, 'output'),
          },
        },
      },
    };
  }
  if (path === paths.token) {
    return {
      200: { description: 'a session', content: { 'application/json': { schema: schemaOf(exchanged, 'output') } } },
    };
  }
  if (path === paths.answer || path === paths.interrupt) return { 204: { description: 'taken' } };
  return { 200: { description: 'the text' } };
}
