/**
 * The algorithms that an ID token may be signed with: those for which only the issuer has the key. With HS* our own
 * secret, or a published key taken for one, would do, and with none anybody could sign (RFC 8725 section 3.1).
 */
export const idTokenAlgorithms: readonly string[] = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
