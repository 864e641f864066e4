/**
 * The rules that `service-connection` keeps towards services, browsers and whoever gets in between, one row each. Tests
 * carry the id of the row that they prove at the end of their names; docs/oauth-conformance.md is made of both.
 */

/** One rule. */
export interface Row {
  id: string;
  /** What we do. */
  rule: string;
  /** Where the rule comes from, or the attack that it answers. */
  source: string;
}

/** A part of the table. */
export interface Section {
  title: string;
  rows: readonly Row[];
}

const mcp = 'MCP 2026-07-28';
const practices = 'MCP security best practices';

/** Rows of one section: rule and source, numbered from 1. */
function numbered(prefix: string, rows: readonly (readonly [rule: string, source: string])[]): Row[] {
  return rows.map(([rule, source], index) => ({ id: `${prefix}${index + 1}`, rule, source }));
}

/** Every section, in the order of the page. */
export const sections: readonly Section[] = [
  {
    title: 'Servers of the current revision (2026-07-28)',
    rows: numbered('A1.', [
      [
        'every challenge of a 401 is read: several in one header, quoted or not, repeated; metadata that is named twice counts on the own origin only',
        `${mcp}, discovery; RFC 9110 11.6.1`,
      ],
      [
        'without a named address the metadata is looked for at the path form, then at the root form; what is no JSON 200 is not there',
        `${mcp}, discovery; RFC 9728 3.1`,
      ],
      [
        'the resource of the metadata is the MCP server, or a parent of it on the same origin; anything else is refused',
        'RFC 9728 3.3',
      ],
      [
        'at least one authorization server is named, and only one that the catalogue pins is used',
        `${mcp}, discovery; RFC 9728 7.6`,
      ],
      [
        'metadata of an authorization server is asked for in the fixed order of its forms; where one is out of order the next may be there, and nothing follows from none being there',
        `${mcp}, discovery; RFC 8414 3.1`,
      ],
      ['the issuer of the metadata is the one that was asked for, byte for byte', 'RFC 8414 3.3'],
      [
        'both kinds of metadata are understood: OAuth and OpenID Connect',
        `${mcp}, discovery; OpenID Connect Discovery 4`,
      ],
      ['no sign-in begins where PKCE with S256 is not advertised', `${mcp}, PKCE; RFC 7636`],
      [
        'the resource goes with the authorization and the token request, as published, never re-written',
        `${mcp}, resource parameter; RFC 8707 2`,
      ],
      [
        'scopes come from the person, else the challenge, else the metadata; else none are asked for',
        `${mcp}, scope selection`,
      ],
      [
        'offline access is asked for only where the authorization server lists it, and a refresh token is never taken for granted',
        'SEP-2207; OpenID Connect Core 11',
      ],
      [
        'a client is pre-registered, else described by a document, else registered; else a person is told',
        `${mcp}, client registration`,
      ],
      [
        'registration is that of a native public client with the very redirect URI that is listened on',
        `${mcp}, client registration; RFC 7591 2`,
      ],
      [
        'the issuer is fixed before the browser opens, and compared with the one of the answer, of errors too',
        'RFC 9207 2.4',
      ],
      ['a client of one authorization server is never used at another', 'SEP-2352'],
      [
        'a token goes to its MCP server in the header of the request, and nowhere else',
        `${mcp}, access token usage; RFC 6750 2.1`,
      ],
      ['tokens are in memory until the vault has them', `${mcp}, token theft; RFC 9700 4.14`],
      [
        'more scopes are asked for together with the earlier ones, and not without end',
        `${mcp}, step-up authorization; RFC 6750 3.1`,
      ],
      [
        'every endpoint is https; http is for loopback in sandbox mode, which says so',
        `${mcp}, communication security; OAuth 2.1 1.5`,
      ],
      [
        'the state is random, of this attempt only, and an answer without it counts for nothing',
        'RFC 9700 4.7; RFC 6749 10.12',
      ],
      ['a browser is sent to https addresses only, and through no shell', practices],
      [
        'nothing is asked of private, loopback or metadata addresses, whatever names them and however they are spelled',
        `${practices}, SSRF`,
      ],
      [
        'metadata is typed once: a member of another type, or an endpoint that is not an https address, is named before anything is registered or asked of a person',
        'RFC 8414 2; RFC 9728 2',
      ],
      ['a member that is null says what one says that is left out', 'seen at several services'],
      ['scopes that a person or the file names are asked for as they stand', 'own rule; SEP-2207'],
      [
        'registration says which scopes will be asked for; a client that is bound to fewer is found before the browser opens',
        'RFC 7591 2, 3.2.1',
      ],
      ['a refusal of scopes names them, and the line of the file that helps', 'RFC 6749 4.1.2.1, 5.2; P10'],
    ]),
  },
  {
    title: 'Servers of 2025-11-25',
    rows: numbered('A2.', [
      ['the issuer of the metadata is compared all the same', 'RFC 8414 3.3'],
      [
        'an answer that names its issuer is compared although nobody promised one, and one without is taken',
        'RFC 9207 2.4',
      ],
      [
        'registration says native, and a client stays with its issuer, although this revision asks for neither',
        'MCP 2025-11-25; RFC 7591 2',
      ],
      ['a challenge that names all scopes instead of the missing ones works too', 'MCP 2025-11-25, scope selection'],
      [
        'a server without dynamic registration is told apart from one that refuses it',
        'MCP 2025-11-25, client registration',
      ],
      ['no PKCE in the metadata, no sign-in', 'MCP 2025-11-25, PKCE'],
      ['the well-known addresses are tried where no challenge names one', 'MCP 2025-11-25, discovery; SEP-985'],
    ]),
  },
  {
    title: 'Servers of 2025-06-18',
    rows: numbered('A3.', [
      ['resource metadata is found through the challenge', 'MCP 2025-06-18; RFC 9728 5.1'],
      ['an authorization server with RFC 8414 metadata alone is enough', 'MCP 2025-06-18; RFC 8414'],
      ['a server that only registers clients dynamically is served', 'MCP 2025-06-18; RFC 7591'],
      ['PKCE is sent, and has to be advertised here too', 'MCP 2025-06-18; RFC 7636'],
      ['the resource goes with every request here too', 'MCP 2025-06-18; RFC 8707'],
      ['a server that says nothing of scopes is asked for none', 'MCP 2025-06-18'],
    ]),
  },
  {
    title: 'Servers of 2025-03-26',
    rows: [
      {
        id: 'A4',
        rule: 'without resource metadata the origin is the authorization server; without any metadata nothing is assumed unasked',
        source: 'MCP 2025-03-26, server metadata discovery',
      },
    ],
  },
  {
    title: 'What is tolerated, and what is next to it and is not',
    rows: numbered('A5.', [
      [
        'an issuer without a path may differ by its final slash; one with a path may not',
        'seen at several services; RFC 8414 3.3',
      ],
      [
        'the resource may differ by its final slash or be a parent path; a sibling or another origin may not',
        'seen at several services; RFC 9728 3.3',
      ],
      [
        'a registration may be answered with any 2xx instead of 201, without redirect URIs or with loopback ones that have no port; not with a redirect, a page or others',
        'RFC 7591 3.2.1; RFC 8252 7.3',
      ],
      [
        'a client secret may come without an expiry, or with digits in quotes; a client may not come without an id',
        'RFC 7591 3.2.1',
      ],
      ['the token type may be in any case, and `user` at Slack; no other type is usable', 'RFC 6749 5.1, 7.1'],
      ['the lifetime may be a number in quotes; not a word', 'RFC 6749 5.1'],
      ['scopes may be separated by commas where the service file says so', 'RFC 6749 3.3'],
      ['an error with HTTP 200 is an error; a success without a token is none', 'RFC 6749 5.2'],
      ['an error beside a challenge is read; a challenge alone is no token', 'RFC 6749 5.2'],
      [
        'an ID token that nobody asked for is dropped; one that was asked for is verified',
        'OpenID Connect Core 3.1.3.7',
      ],
      ['the scopes of metadata may stand in one text; another type is refused', 'RFC 8414 2; RFC 6749 3.3'],
      [
        'any 2xx is a success at the token endpoint, in the device flow and where access is given back; a redirect is none',
        'seen at Supabase; RFC 6749 5.1',
      ],
      [
        'JSON is read as JSON whatever its type, so that an error keeps its code; of a page the status is all that is said',
        'seen at several services; RFC 6749 5.2',
      ],
      [
        'a lifetime that the answer leaves out is that of the token, where it is a JWT; of one that nobody knows, or that is no time, the person is told',
        'seen at Salesforce; RFC 6749 5.1; RFC 9068 2.2',
      ],
    ]),
  },
  {
    title: 'What a review can let pass, and nothing else does',
    rows: numbered('A6.', [
      [
        'metadata of an issuer may name another one where the file has both; a pattern with {tenantid} is that of the issuer before it',
        'seen at Microsoft Entra ID, Atlassian, PagerDuty; RFC 8414 3.3',
      ],
      [
        'metadata may be silent about PKCE where the file says so; a list without S256 is refused, and S256 is sent all the same',
        'seen at Microsoft Entra ID, Amazon Cognito; RFC 7636',
      ],
      [
        'the resource may be another name, such as api://…, where the file has it, and goes with both requests as it is',
        'seen at Microsoft Entra ID, gateways; RFC 9728 3.3, RFC 8707 2',
      ],
      [
        'a refusal and a draft name the line that lets it pass, and its risk; none is in force by itself',
        'own rule (P4, P10)',
      ],
      [
        'an MCP server that sends requests on within its origin (307, 308) is asked where it sends them, and that is said; another origin is refused',
        'seen at Starlette and FastMCP mounts; RFC 9110 15.4',
      ],
    ]),
  },
  {
    title: 'What a service says once somebody has signed in',
    rows: numbered('A7.', [
      ['an error is told with its status, content type and first line, harmless and short', 'own rule (P9, P10)'],
      [
        'a server that takes another version, in words or in its answer, is asked in that; one of 2026-07-28 without a handshake',
        `${mcp}, versioning; MCP 2025-11-25, lifecycle`,
      ],
      ['a result that asks for input is none', `${mcp}, results`],
      ['an address of the transport before streamable HTTP is known as one', 'MCP 2024-11-05, transports'],
      [
        'a server that takes only tokens bound to a key (DPoP, mTLS), or none in a header, is refused before anybody is asked',
        'RFC 9449 6; RFC 9728 2; RFC 8705; the platform sends bearer tokens',
      ],
      [
        'a visit that is no answer (a form, nothing behind the address, an error without a state, another path, a page that led here) is told once by what it means, and changes nothing',
        'seen at several services; RFC 6749 4.1.2',
      ],
    ]),
  },
  {
    title: 'Access through the identity provider (ID-JAG)',
    rows: numbered('A8.', [
      [
        'an assertion is an answer with issued_token_type id-jag and token_type N_A; anything else is sent nowhere',
        'draft-ietf-oauth-identity-assertion-authz-grant; RFC 8693 2.2.1',
      ],
      [
        'audience and resource are asked for byte for byte as they were validated, of an authorization server that the catalogue pins',
        'the same; MCP enterprise-managed authorization',
      ],
      [
        'an assertion leaves for the server only if its type, issuer, audience, client, resource, subject and times are what was asked for, and no key is needed with it',
        'the same, claims of the assertion; RFC 7523 3',
      ],
      ['nobody is sent to the authorization endpoint of such a service', 'MCP enterprise-managed authorization'],
      [
        'a refresh token beside an assertion or in the place of one is dropped: renewed is by another exchange',
        'the same',
      ],
      [
        'insufficient_user_authentication asks the same person once for the sign-in that is wanted, and then ends',
        'the same; RFC 9470 3',
      ],
      ['an assertion that is refused is replaced once', 'seen at servers that take each one time'],
      [
        'a client proves itself in a way that the server lists, with its own credentials at each of the two',
        'RFC 8414 2',
      ],
    ]),
  },
  {
    title: 'The callback listener and the terminal',
    rows: numbered('b', [
      ['the listener is bound to a literal loopback address', 'RFC 8252 7.3, 8.3'],
      [
        'one redirect URI, the same in every request; 127.0.0.1 unless the service needs localhost',
        'RFC 8252 8.3; RFC 9700 2.1',
      ],
      ['named localhost, both address families are bound, or none', 'RFC 8252 8.3'],
      ['the port is bound before it is registered or shown; a fixed one that is taken ends the run', 'RFC 8252 7.3'],
      ['one exact path; long addresses are not looked at', 'RFC 9700 2.1'],
      ['GET only; nothing is allowed to other origins', 'RFC 8252 8.3; Fetch, CORS'],
      ['the Host of a request is the redirect authority', 'DNS rebinding'],
      ['a request that no navigation sends has no effect', 'Fetch metadata'],
      ['a parameter that comes twice makes the request count for nothing', 'RFC 6749 3.1'],
      [
        'the state is compared before issuer, error and code; a wrong one has no effect, ten end the run',
        'RFC 9700 4.7',
      ],
      ['the first good answer is the only one', 'RFC 8252 8.3; RFC 6749 4.1.2'],
      ['the code leaves the address bar; the page is static and locked down', 'RFC 9700 4.2, 4.3'],
      ['the page tells the true outcome', 'usability: a page of success for a failed exchange'],
      ['the whole flow, headers and requests have time limits', 'Slowloris'],
      ['Ctrl-C and SIGTERM leave no listener behind', 'RFC 8252 8.3'],
      ['the address is always printed; a browser is opened only where it would be seen', 'RFC 8252 8.12'],
      ['a pasted address passes the same checks as a callback; nothing waits where nobody sits', 'RFC 9700 4.7'],
      [
        'the device flow shows address and code, keeps the interval, and is used on request only',
        'RFC 8628 3.2-3.5, 5.4',
      ],
      ['no secret is in output, arguments, logs or errors', 'RFC 9700 4.2; P3'],
      ['nothing secret is on disk; a grant that cannot be stored, or not even read, is given back', 'RFC 7009; P3, P8'],
      ['no option takes a secret', 'RFC 9700 2.5; P3'],
      ['the system browser only: no embedded view, no scheme of our own', 'RFC 8252 7.1, 8.12'],
      ['nothing that is shipped proves who the client is: PKCE does', 'RFC 8252 8.5'],
      ['code flow in the query only; a fragment is no answer', 'OAuth 2.1 1.8; RFC 9700 2.1.2'],
      [
        'what the platform refuses of a new credential it refuses before the old one is archived, which nothing brings back',
        'P8',
      ],
    ]),
  },
  {
    title: 'Attacks',
    rows: numbered('c', [
      ['mix-up: the code of one authorization server never goes to another', 'RFC 9700 4.4; RFC 9207'],
      ['impersonation: metadata that claims another issuer is refused before a browser opens', 'RFC 8414 6.2'],
      [
        'server-side request forgery: targets inside are not asked, named, spelled oddly, rebound or redirected to',
        `${practices}, SSRF`,
      ],
      ['a hostile authorization endpoint is not opened', practices],
      ['nothing of an address reaches a shell or is taken for an option', 'CVE-2025-6514'],
      ['PKCE is not taken down', 'RFC 9700 2.1.1, 4.8'],
      ['a code is sent once, whatever the answer', 'RFC 9700 4.5; RFC 6749 4.1.2'],
      ['whoever sits on the port or its twin gets nothing', 'RFC 8252 8.3'],
      ['a client that anybody may claim to be has loopback redirect URIs only', 'RFC 8252 8.6'],
      ['a person sees where consent is asked for, and as which client', `${practices}, confused deputy`],
      ['a token of an honest service is not won for a rogue one', `${practices}, token theft; RFC 9700 4.9`],
      [
        'a token that says it is for somebody else is not stored unasked, and tokens go to their own service only',
        'RFC 8707; RFC 9068 4',
      ],
      ['login CSRF: answers of other runs count for nothing, and a wrong account is not stored', 'RFC 9700 4.7'],
      ['a person is not led to connect into another person’s vault', 'RFC 8628 5.4; RFC 9700 4.7'],
      ['the vault is the proven person’s, or none', 'P1'],
      ['look-alike addresses are flagged and have to be confirmed by typing', 'UTS 39'],
      ['the vault holds the catalogue’s exact address; addresses that differ by slash or case are one', 'P1'],
      ['plain http is refused wherever it turns up', 'OAuth 2.1 1.5'],
      ['a token request is not redirected', 'RFC 9700 4.12'],
      ['our redirect URI has no query and no second destination', 'RFC 9700 4.11'],
      ['metadata is not fetched from another host by redirect', 'RFC 9728 7.7'],
      ['a page that rebinds its name to loopback cannot answer', 'DNS rebinding'],
      ['what a registration answers is bounded and has to be ours', 'RFC 7591 5'],
      ['text from outside moves no cursor and makes no markup', 'P9'],
      ['a refresh token that the vault has is not used by us', 'RFC 9700 4.14; P3'],
      ['bodies are bounded in size and time', 'resource exhaustion'],
      ['an unknown address is connected by a person at a terminal only', 'prompt injection'],
      ['scopes that nobody asked for are named, and reading stays reading', 'RFC 6749 3.3, 5.1'],
    ]),
  },
];

/** Every row by its id, in the order of the page. */
export const rows: ReadonlyMap<string, Row> = new Map(
  sections.flatMap((section) => section.rows.map((row) => [row.id, row] as const)),
);
