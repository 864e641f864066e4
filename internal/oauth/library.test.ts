import { describe, expect, test } from 'vitest';
import { Secret } from '../secret/secret.ts';
import { clientAuthentication } from './library.ts';

describe('a client with a secret, by HTTP Basic,', () => {
  const proofOf = (clientId: string, secret: string) => {
    const headers = new Headers();
    const authenticate = clientAuthentication({
      clientId,
      authMethod: 'client_secret_basic',
      secret: new Secret(secret),
    });
    authenticate({ issuer: 'https://as.example' }, { client_id: clientId }, new URLSearchParams(), headers);
    return Buffer.from(headers.get('authorization')?.replace(/^Basic /, '') ?? '', 'base64').toString();
  };

  test('sends what needs no encoding as it is: not every server decodes [A1.12]', () => {
    expect(proofOf('a-client_1.example', 's-e_c.r*e1T')).toBe('a-client_1.example:s-e_c.r*e1T');
  });

  test.each([
    ['https://us.example/client', 'a:b', 'https%3A%2F%2Fus.example%2Fclient:a%3Ab'],
    ['id', 'a b+c%2B/=&é~', 'id:a+b%2Bc%252B%2F%3D%26%C3%A9%7E'],
  ])('encodes everything else as a form does: %s %s', (clientId, secret, sent) => {
    expect(proofOf(clientId, secret)).toBe(sent);
    const [id = '', rest = ''] = sent.split(':');
    expect([...new URLSearchParams(`${id}=${rest}`)]).toEqual([[clientId, secret]]);
  });
});
