import { z } from 'zod';
import { hostSchema } from './host.ts';
import { instant, text } from './schema.ts';

const secret = text(1, 65_536);

const oauthCreate = z.strictObject({
  type: z.literal('mcp_oauth'),
  mcp_server_url: z.string(),
  access_token: secret,
  expires_at: instant.nullish(),
  refresh: z
    .strictObject({
      client_id: text(1, 2048),
      token_endpoint: z.string(),
      refresh_token: secret,
      token_endpoint_auth: z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('none') }),
        z.strictObject({ type: z.literal('client_secret_basic'), client_secret: secret }),
        z.strictObject({ type: z.literal('client_secret_post'), client_secret: secret }),
      ]),
      scope: z.string().nullish(),
      resource: z.string().nullish(),
    })
    .nullish(),
});

const bearerCreate = z.strictObject({ type: z.literal('static_bearer'), mcp_server_url: z.string(), token: secret });

const networking = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('unrestricted') }),
  z.strictObject({ type: z.literal('limited'), allowed_hosts: z.array(hostSchema).min(1).max(16) }),
]);

const injectionLocation = z.strictObject({ header: z.boolean().optional(), body: z.boolean().optional() }).optional();

const variableCreate = z.strictObject({
  type: z.literal('environment_variable'),
  // choices.secretName
  secret_name: text(1, 255).regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected a name of letters, digits and underscores'),
  secret_value: secret,
  networking,
  injection_location: injectionLocation,
});

/** `auth` in a create. */
export const authCreateSchema = z.discriminatedUnion('type', [oauthCreate, bearerCreate, variableCreate]);

/** `auth` in an update. The immutable fields are missing here, so that sending them is refused. */
export const authUpdateSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('mcp_oauth'),
    access_token: secret.nullish(),
    expires_at: instant.nullish(),
    refresh: z
      .strictObject({
        refresh_token: secret.nullish(),
        scope: z.string().nullish(),
        token_endpoint_auth: z
          .strictObject({
            type: z.enum(['client_secret_basic', 'client_secret_post']),
            client_secret: secret.nullish(),
          })
          .optional(),
      })
      .nullish(),
  }),
  z.strictObject({ type: z.literal('static_bearer'), token: secret.nullish() }),
  z.strictObject({
    type: z.literal('environment_variable'),
    secret_value: secret.nullish(),
    networking: networking.nullish(),
    injection_location: injectionLocation,
  }),
]);
