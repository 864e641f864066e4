/** Ownership keys of tests, and a configuration that trusts them. */
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import type { SandboxedCommands } from './sandboxed-commands.ts';

/** A private key with its name. */
export type PrivateKey = JWK & { kid: string; retired?: boolean };

/** Makes one. */
export async function newOwnershipKey(kid: string): Promise<PrivateKey> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  return { ...(await exportJWK(privateKey)), kid };
}

/** Makes the configuration trust these keys; `signs` signs in every run, with a program as a key service would be. */
export async function trustKeys(
  world: Pick<SandboxedCommands, 'configure' | 'sandbox'>,
  signs: PrivateKey | undefined,
  ...more: PrivateKey[]
): Promise<void> {
  const keys = [...(signs === undefined ? [] : [signs]), ...more].map(({ kid, x, retired }) => ({
    kty: 'OKP',
    crv: 'Ed25519',
    kid,
    x,
    ...(retired === true && { retired }),
  }));
  await world.configure('interface.yaml', (content) => ({
    ...content,
    platform: { ...content.platform, workspace_id: world.sandbox.platform.workspaceId },
    ownership: {
      keys,
      ...(signs !== undefined && {
        signer: { kid: signs.kid, command: [process.execPath, '-e', signingProgram(signs)] },
      }),
    },
  }));
}

/** Signs what it reads with a key that it has. */
export function signingProgram({ x, d }: Pick<PrivateKey, 'x' | 'd'>): string {
  return `const { createPrivateKey, sign } = require('node:crypto');
    const key = createPrivateKey({ key: ${JSON.stringify({ kty: 'OKP', crv: 'Ed25519', x, d })}, format: 'jwk' });
    let text = '';
    process.stdin.on('data', (piece) => (text += piece)).on('end', () =>
      console.log(sign(null, Buffer.from(text), key).toString('base64url')));`;
}
