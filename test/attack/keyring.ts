/** A Linux machine without a Secret Service, where the keychain library would take the kernel's key ring without a word. */
import { randomUUID } from 'node:crypto';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { openStage } from '../demo/stage.ts';
import { copyOfBuild, root } from '../e2e/build.ts';
import { keysOfTheKernel, noSecretService } from '../support/secret-service.ts';
import { type Attack, judged } from './attack.ts';

/** An ownership key and a sign-in that have nowhere to be kept. */
export async function keyringAttacks(): Promise<readonly Attack[]> {
  const build = await copyOfBuild();
  const { DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR } = noSecretService;
  const stage = await openStage({
    locate: build.locate,
    environment: { DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR, MAI_KEYCHAIN: '' },
  });
  try {
    // The library is not in the build: it has a native part.
    await symlink(join(root, 'node_modules'), join(build.locate('service-connection')[1] ?? '', '..', 'node_modules'));
    const kid = `k-${randomUUID()}`;
    const where = (word: string) => `${keysOfTheKernel().includes(word) ? 'something' : 'nothing'} in the kernel`;
    const made = await stage.at('ada').run('service-connection', 'ownership', 'keygen', '--kid', kid);
    const key = `exit ${made.exit}, ${where(kid)}`;
    const signedIn = await stage.at('ada').run('service-connection', 'login');
    const told = [
      signedIn.stdout.includes('for this run only') ? 'for this run only' : 'kept',
      signedIn.stderr.includes('settings.yaml') ? 'told where to have it kept' : 'told nothing',
    ];
    return [
      judged('an ownership key is made on a machine without a Secret Service', 'exit 1, nothing in the kernel', key),
      judged(
        'a person signs in there',
        'exit 0, for this run only, told where to have it kept, nothing in the kernel',
        [`exit ${signedIn.exit}`, ...told, where(stage.sandbox.identityProvider.issuer)].join(', '),
      ),
    ];
  } finally {
    await stage.close();
    await build.remove();
  }
}
