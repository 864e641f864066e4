/** A shell in which somebody once switched the proof of TLS off, and forgot it. */
import { openStage } from '../demo/stage.ts';
import { copyOfBuild } from '../e2e/build.ts';
import { type Attack, judged } from './attack.ts';

const must = 'exit 2 [tls_weakened], nobody signed in, nothing asked of the platform';

const weakened: readonly (readonly [attack: string, environment: Readonly<Record<string, string>>])[] = [
  ['any server can be any other: NODE_TLS_REJECT_UNAUTHORIZED=0', { NODE_TLS_REJECT_UNAUTHORIZED: '0' }],
  ['the keys of every connection are written down: --tls-keylog', { NODE_OPTIONS: '--tls-keylog=/dev/null' }],
  ['old protocols are good enough: --tls-min-v1.0', { NODE_OPTIONS: '--tls-min-v1.0' }],
];

/** Each on a stage of its own, with a browser that would sign in. */
export async function tlsAttacks(): Promise<readonly Attack[]> {
  const build = await copyOfBuild();
  try {
    const attacks: Attack[] = [];
    for (const [attack, environment] of weakened) {
      const stage = await openStage({ locate: build.locate, environment });
      try {
        const { exit, stderr } = await stage.at('ada').run('service-connection', 'notion');
        const { identityProvider, platform } = stage.sandbox;
        const ended = [
          [`exit ${exit}`, /\[\w+\]/.exec(stderr)?.[0]].filter(Boolean).join(' '),
          `${identityProvider.counters.authorizations === 0 ? 'nobody' : 'Ada'} signed in`,
          `${platform.control.log.entries.length === 0 ? 'nothing' : 'something'} asked of the platform`,
        ];
        attacks.push(judged(attack, must, ended.join(', ')));
      } finally {
        await stage.close();
      }
    }
    return attacks;
  } finally {
    await build.remove();
  }
}
