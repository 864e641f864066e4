/** What to do about an error that authorization servers answer with, where something in the service's file helps. Pure. */

/** Codes of Microsoft Entra ID (AADSTS…), which stand at the beginning of its descriptions. */
const ofEntra: Readonly<Record<string, string>> = {
  '9010010':
    "set authorization.resource_parameter: false in the service's file: it does not take a resource beside these scopes",
  '901002': "set authorization.resource_parameter: false in the service's file: it takes no resource parameter",
  '90094': 'an administrator of the organization has to consent to the application first',
  '90095':
    "an administrator has to approve; where one has already, set authorize_parameters: { prompt: select_account } under authorization in the service's file",
  '65001': 'nobody has consented to the application yet: sign in again and allow it, or have an administrator consent',
  '50011': "register the redirect URI of redirect in the service's file at the application, letter by letter",
  '500113': "register the redirect URI of redirect in the service's file at the application",
  '50194':
    'the application is of one tenant: name the tenant in authorization.issuers instead of common or organizations',
  '700016': 'the application is not known in that tenant: check client_id and the tenant in authorization.issuers',
  '7000218':
    'the application is not public: allow public client flows, or set token_endpoint_auth_method and enter its secret',
};

/** What to do next; undefined where nothing better is known than what the error says. */
export function adviceFor(error: string, description: string | undefined): string | undefined {
  const [, code = ''] = /\bAADSTS(\d+)\b/.exec(description ?? '') ?? [];
  if (Object.hasOwn(ofEntra, code)) return ofEntra[code];
  return error === 'invalid_target'
    ? "set authorization.resource_parameter: false in the service's file where the service takes no resource parameter (RFC 8707); see docs/services.md for the risk"
    : undefined;
}
