import { expect, test } from 'vitest';
import { requireVerifiedTls } from './verified-tls.ts';

test.each([
  [{}],
  [{ NODE_TLS_REJECT_UNAUTHORIZED: '1' }],
  [{ NODE_OPTIONS: '--max-old-space-size=4096 --use-openssl-ca --tls-min-v1.2 --tls-max-v1.3 --title=tls-keylog' }],
])('%j is nobody’s business', (environment) => {
  expect(() => requireVerifiedTls(environment)).not.toThrow();
});

test.each([
  [{ NODE_TLS_REJECT_UNAUTHORIZED: '0' }, 'NODE_EXTRA_CA_CERTS'],
  [{ NODE_OPTIONS: '--tls-keylog=/tmp/keys' }, '--tls-keylog'],
  [{ NODE_OPTIONS: '--enable-source-maps "--tls_keylog=/tmp/my keys"' }, '--tls-keylog'],
  [{ NODE_OPTIONS: '--tls-cipher-list=ALL:@SECLEVEL=0' }, '--tls-cipher-list'],
  [{ NODE_OPTIONS: '--tls-min-v1.0' }, '--tls-min-v1.0'],
  [{ NODE_OPTIONS: '--tls-min-v1.1' }, '--tls-min-v1.1'],
])('%j is refused', (environment, hint) => {
  expect(() => requireVerifiedTls(environment)).toThrow(
    expect.objectContaining({ code: 'tls_weakened', hint: expect.stringContaining(hint) }),
  );
});
