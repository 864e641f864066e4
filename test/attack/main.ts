/**
 * `npm run attack`: what strangers, colleagues and services try, against the built executables and the sandbox. A line
 * for each attack: what it is, what must happen, what happened. Ends with 1 where one did not hold.
 */
import { agentAttacks } from './agent-attacks.ts';
import type { Attack } from './attack.ts';
import { configurationAttacks } from './configuration.ts';
import { consoleAttacks } from './console-attacks.ts';
import { keyringAttacks } from './keyring.ts';
import { mainAttacks } from './main-attacks.ts';
import { sessionAttacks } from './session-attacks.ts';
import { stolenPage } from './stolen-page.ts';
import { stolenServiceStep } from './stolen-service-step.ts';
import { stolenSignIn } from './stolen-sign-in.ts';
import { tlsAttacks } from './tls.ts';

/** Every file of attacks, in the order in which they are tried. */
const parts: readonly { title: string; attacks: () => Promise<readonly Attack[]> }[] = [
  { title: 'People, services and skills', attacks: mainAttacks },
  { title: "Somebody's session", attacks: sessionAttacks },
  { title: 'Agents and environments of everybody', attacks: agentAttacks },
  { title: 'The folder that somebody stands in', attacks: configurationAttacks },
  { title: 'Colleagues at a console', attacks: consoleAttacks },
  { title: 'Where secrets are kept', attacks: keyringAttacks },
  { title: 'Whose browser it is', attacks: stolenSignIn },
  { title: 'Whose page it is', attacks: stolenPage },
  { title: 'Whose step at a service it is', attacks: stolenServiceStep },
  { title: 'A connection that proves nothing', attacks: tlsAttacks },
];

let held = 0;
let failed = 0;
for (const { title, attacks } of parts) {
  process.stdout.write(`\n${title}\n`);
  for (const { attack, must, happened, held: good } of await attacks()) {
    if (good) held += 1;
    else failed += 1;
    process.stdout.write(`  ${good ? '✓' : '✗'} ${attack}\n      must: ${must}\n      did:  ${happened}\n`);
  }
}
process.stdout.write(`\n${held} attacks held, ${failed} did not\n`);
process.exitCode = failed === 0 ? 0 : 1;
