import { expect, test } from 'vitest';
import { concealed } from '../secret/secret.ts';
import { proxiesFrom } from './proxies.ts';

const through = (environment: object, address: string) => proxiesFrom(environment)?.for(new URL(address))?.url.origin;
const proxy = { HTTPS_PROXY: 'http://proxy.example:3128' };

test.each<[string, object, string | undefined]>([
  ['nothing', {}, undefined],
  ['HTTPS_PROXY', proxy, 'http://proxy.example:3128'],
  ['https_proxy, which comes first', { ...proxy, https_proxy: 'http://first.example:1' }, 'http://first.example:1'],
  ['a proxy over TLS', { HTTPS_PROXY: 'https://proxy.example' }, 'https://proxy.example'],
  ['one without a scheme', { HTTPS_PROXY: 'proxy.example:3128' }, 'http://proxy.example:3128'],
  ['that of http alone', { HTTP_PROXY: 'http://proxy.example:3128' }, undefined],
])('with %s, https leaves so', (_case, environment, expected) => {
  expect(through(environment, 'https://mcp.example.com/mcp')).toBe(expected);
});

test.each<[string, string, boolean]>([
  ['*', 'https://a.example', true],
  ['a.example', 'https://a.example', true],
  ['a.example', 'https://b.a.example', true],
  ['a.example', 'https://ba.example', false],
  ['.a.example', 'https://b.a.example', true],
  ['*.a.example', 'https://b.a.example', true],
  ['A.Example', 'https://a.example', true],
  ['x, a.example ,y', 'https://a.example', true],
  ['x a.example', 'https://a.example', true],
  ['a.example.', 'https://a.example', true],
  ['a.example:443', 'https://a.example', true],
  ['a.example:8443', 'https://a.example', false],
  ['a.example:8443', 'https://a.example:8443', true],
  ['10.0.0.0/8', 'https://10.1.2.3', true],
  ['10.0.0.0/8', 'https://11.1.2.3', false],
  ['10.0.0.0/8', 'https://a.example', false],
  ['10.0.0.0/99', 'https://10.1.2.3', false],
  ['10.1.2.3', 'https://10.1.2.3', true],
  ['fd00::/8', 'https://[fd12::1]', true],
  ['[fd12::1]', 'https://[fd12::1]', true],
  ['fd12::1', 'https://[fd12::1]', true],
  ['[fd12::1]:443', 'https://[fd12::1]', true],
  ['', 'https://a.example', false],
  [',', 'https://a.example', false],
  ['.', 'https://a.example', false],
])('NO_PROXY %j has %s reached directly: %j', (exceptions, address, direct) => {
  expect(through({ ...proxy, NO_PROXY: exceptions }, address) === undefined).toBe(direct);
});

test('no_proxy comes first as well, even where it is empty', () => {
  const both = { ...proxy, NO_PROXY: 'a.example' };
  expect(through(both, 'https://a.example')).toBeUndefined();
  expect(through({ ...both, no_proxy: 'b.example' }, 'https://a.example')).toBe('http://proxy.example:3128');
  expect(through({ ...both, no_proxy: '' }, 'https://a.example')).toBe('http://proxy.example:3128');
});

test('credentials are in no text, and concealed wherever they turn up', () => {
  const proxies = proxiesFrom({ HTTPS_PROXY: 'http://ada:p%40ssw0rd-long@proxy.example:3128' });
  const found = proxies?.for(new URL('https://a.example'));
  expect(JSON.stringify(found)).not.toMatch(/ssw0rd/);
  expect(found?.authorization?.reveal()).toBe(`Basic ${btoa('ada:p@ssw0rd-long')}`);
  expect(concealed('it said p@ssw0rd-long and p%40ssw0rd-long')).toBe('it said [secret] and [secret]');
});

test.each(['socks5://proxy.example:1080', 'http://', 'http://a b', 'file:///etc'])(
  'a proxy %j is refused, and the variable is named',
  (text) => {
    expect(() => proxiesFrom({ HTTPS_PROXY: text })).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining('HTTPS_PROXY') }),
    );
  },
);
