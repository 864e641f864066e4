import { describe, expect, test } from 'vitest';
import { type Catalogued, judgeNamedServer, judgeUnlisted } from './unlisted.ts';

const service = (name: string, url: string, issuer: string): Catalogued =>
  ({ name, mcp_server_url: url, authorization: { issuers: [issuer] } }) as unknown as Catalogued;

const catalogue = [
  service('notion', 'https://mcp.notion.com/mcp', 'https://mcp.notion.com'),
  service('slack', 'https://mcp.slack.com/mcp', 'https://slack.com'),
  service('linear', 'https://mcp.linear.app/mcp', 'https://mcp.linear.app'),
  service('github', 'https://api.githubcopilot.com/mcp/', 'https://github.com/login/oauth'),
];

const judge = (url: string) => judgeUnlisted(url, catalogue, false);

describe('an address that nobody catalogued', () => {
  // The Cyrillic letters are written as escapes: that is what they are here for.
  test.each([
    ['a prefix', 'https://mcp.notion.com.evil.io/mcp', 'holds the name of'],
    ['a domain in front', 'https://notion.com.evil.io/mcp', 'holds the name of'],
    ['a prefix under a suffix where strangers register', 'https://slack.com.github.io/mcp', 'holds the name of'],
    ['hyphens for dots', 'https://mcp-notion-com.evil.io/mcp', 'holds the name of'],
    ['hyphens for some dots', 'https://mcp.notion-com.evil.io/mcp', 'holds the name of'],
    ['a Cyrillic o', 'https://mcp.n\u043etion.com/mcp', 'mixes scripts'],
    ['the same as punycode', 'https://mcp.xn--ntion-hye.com/mcp', 'mixes scripts'],
    ['a Greek omicron', 'https://mcp.n\u03bftion.com/mcp', 'mixes scripts'],
    ['a mark on a letter', 'https://mcp.n\u00f3tion.com/mcp', 'in other letters'],
    ['a Latin letter without a dot', 'https://mcp.not\u0131on.com/mcp', 'in other letters'],
    ['a word all in Cyrillic', 'https://mcp.\u0455\u04cf\u0430\u0441\u043a.com/mcp', 'in other letters'],
    ['user info', 'https://mcp.notion.com@evil.io/mcp', 'before an @'],
    ['empty user info', 'https://@evil.io/mcp', 'before an @'],
    ['user info with a password', 'https://mcp.notion.com:443@evil.io/mcp', 'before an @'],
    ['a dot at its end', 'https://mcp.notion.com./mcp', 'ends with a dot'],
    ['an IPv4 literal', 'https://192.0.2.7/mcp', 'is a number'],
    ['an IPv4 literal in disguise', 'https://0xc0000207/mcp', 'is a number'],
    ['an IPv6 literal', 'https://[2001:db8::1]/mcp', 'is a number'],
    ['a name without a domain', 'https://localhost/mcp', 'belongs to no domain'],
    ['a suffix', 'https://github.io/mcp', 'belongs to no domain'],
    ['plain http', 'http://mcp.example.com/mcp', 'is not https'],
    ['http on loopback without the sandbox', 'http://127.0.0.1:4000/mcp', 'is not https'],
    ['another scheme', 'javascript:alert(1)', 'is not https'],
    ['a backslash', 'https://evil.io\\@mcp.notion.com/mcp', 'characters that no address has'],
    ['a tab', 'https://evil\t.io/mcp', 'characters that no address has'],
    ['a fragment', 'https://evil.io/#mcp.notion.com', 'fragment'],
    ['no address', 'evil.io', 'not a whole address'],
  ])('is refused with %s [c16] [connecting]', (_case, url, why) => {
    expect(judge(url)).toEqual({ kind: 'refused', why: expect.stringContaining(why) });
  });

  test.each([
    ['a digit for a letter', 'https://mcp.n0tion.com/mcp', 'n0tion.com', 'differs from "mcp.notion.com"'],
    ['a letter more', 'https://mcp.notionn.com/mcp', 'notionn.com', 'differs from "mcp.notion.com"'],
    ['two letters swapped', 'https://mcp.slakc.com/mcp', 'slakc.com', 'differs from "mcp.slack.com"'],
    ['another suffix', 'https://mcp.notion.co/mcp', 'notion.co', 'differs from "mcp.notion.com"'],
    ['another suffix altogether', 'https://mcp.notion.institute/mcp', 'notion.institute', 'has the name of'],
    ['the name as a word', 'https://notion-mcp.example.com/mcp', 'example.com', 'has the name of'],
    ['the name, nearly, as a word', 'https://mcp-n0tion.example.com/mcp', 'example.com', 'has the name of'],
    ['a port', 'https://mcp.example.com:8443/mcp', 'example.com', 'port 8443'],
    ['a catalogued host elsewhere', 'https://mcp.notion.com/other', 'notion.com', 'another address of the host'],
    ['a catalogued host at a port', 'https://mcp.notion.com:8443/mcp', 'notion.com', 'another address of the host'],
    [
      'a foreign script',
      'https://mcp.\u043f\u0440\u0438\u043c\u0435\u0440.org/mcp',
      'xn--e1afmkfd.org',
      'beyond ASCII',
    ],
  ])(
    'comes with a warning for %s, and its domain has to be typed [c16] [connecting]',
    (_case, url, domain, warning) => {
      const judged = judge(url);
      expect(judged).toMatchObject({ kind: 'unlisted', domain });
      expect(judged.kind === 'unlisted' && judged.warnings.join('\n')).toContain(warning);
    },
  );

  test.each([
    ['https://mcp.example.com/mcp', 'example.com'],
    ['https://mcp.example.co.uk/mcp', 'example.co.uk'],
    ['https://somebody.pages.dev/mcp', 'somebody.pages.dev'],
    ['https://beta.notion.com/mcp', 'notion.com'],
    ['https://sandbox.acme.dev/mcp?tenant=1', 'acme.dev'],
  ])('%s has nothing to warn of', (url, domain) => {
    expect(judge(url)).toMatchObject({ kind: 'unlisted', domain, unicode: undefined, warnings: [] });
  });

  test('is shown as it is resolved, and as it reads', () => {
    expect(judge('https://mcp.b\u00fccher.example/mcp')).toMatchObject({
      host: 'mcp.xn--bcher-kva.example',
      unicode: 'mcp.b\u00fccher.example',
      domain: 'xn--bcher-kva.example',
    });
  });

  test('may be on loopback in the sandbox only', () => {
    expect(judgeUnlisted('http://127.0.0.1:4000/mcp', catalogue, true)).toMatchObject({ domain: '127.0.0.1' });
    expect(judgeUnlisted('http://localhost:4000/mcp', catalogue, true).kind).toBe('refused');
  });
});

test.each([
  'https://mcp.notion.com/mcp',
  'https://mcp.notion.com/mcp/',
  'https://MCP.notion.com:443/mcp',
  'https://api.githubcopilot.com/mcp',
])('%s is in the catalogue [c16]', (url) => {
  expect(judge(url)).toMatchObject({ kind: 'listed' });
});

describe('a server that signs in at', () => {
  const own = 'https://mcp.example.com/mcp';
  const judgeServer = (server: Record<string, string>) =>
    judgeNamedServer(own, { issuers: [server['issuer'] ?? ''], server }, catalogue);

  test('its own domain is not remarked upon', () => {
    expect(
      judgeServer({ issuer: 'https://login.example.com', token_endpoint: 'https://tokens.example.com/t' }),
    ).toEqual([]);
  });

  test.each([
    ['another domain', 'https://tokens.example.net/t', 'example.net'],
    ['a neighbour where strangers register', 'https://other.github.io/t', 'other.github.io'],
    ['a number', 'https://192.0.2.7/t', '192.0.2.7'],
  ])('one place and gets tokens at %s is warned about [c19]', (_what, token_endpoint, said) => {
    const [warning, ...more] = judgeServer({ issuer: 'https://mine.github.io', token_endpoint });
    expect([warning, more]).toEqual([
      expect.stringContaining(`"mine.github.io", who signs people in, but by "${said}"`),
      [],
    ]);
  });

  test.each([
    ['issuer', { issuer: 'https://github.com/login/oauth', token_endpoint: 'https://example.com/t' }],
    [
      'token endpoint',
      { issuer: 'https://example.com', token_endpoint: 'https://github.com/login/oauth/access_token' },
    ],
    ['authorization endpoint', { issuer: 'https://example.com', authorization_endpoint: 'https://slack.com/oauth' }],
  ])('the %s of a catalogued service is refused [c11]', (_what, server) => {
    expect(() => judgeServer(server)).toThrow(expect.objectContaining({ code: 'not_allowed' }));
  });
});
