import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cannotLend } from '../../test/support/lent-process.ts';
import { skipped } from '../../test/support/skip.ts';
import type { Account } from '../outside/accounts.ts';
import { judgeAccount } from './os-identity.ts';

const all = (id: number) => ({ real: id, effective: id, saved: id });

const ada: Account = {
  uids: all(1000),
  gids: all(1000),
  name: 'ada',
  ownUids: true,
  loginUid: 1000,
  ancestors: [
    { program: 'bash', uid: 1000 },
    { program: 'sshd', uid: 1000 },
    { program: 'sshd', uid: 0 },
    { program: 'systemd', uid: 0 },
  ],
  machineId: '3d1219c7c4c5404aaa1f6d2a48adfda4',
  stateFileSystem: 0xef53,
};

test('an ordinary account is its uid on its machine; the name only labels [P2]', () => {
  expect(judgeAccount(ada, undefined)).toEqual({
    kind: 'os',
    issuer: 'machine:3d1219c7c4c5404aaa1f6d2a48adfda4',
    subject: '1000',
    groups: [],
    label: 'ada',
  });
});

test.each<[string, Partial<Account>]>([
  ['of a service that nobody logged in for', { loginUid: undefined, ancestors: [{ program: 'systemd', uid: 0 }] }],
  ['of a system that shows no processes', { loginUid: undefined, ancestors: [] }],
  ['with its state on a file system that nobody listed', { stateFileSystem: 0x794c7630 }],
  ['of a system whose numbers for file systems are others', { stateFileSystem: undefined }],
])('an account %s is one too', (_case, changes) => {
  expect(judgeAccount({ ...ada, ...changes }, undefined).subject).toBe('1000');
});

test.each<[string, Partial<Account>, string | undefined, string]>([
  ['root', { uids: all(0), name: 'root', loginUid: 0 }, undefined, 'running as root'],
  ['a set-uid program', { uids: { ...all(1000), effective: 0 } }, undefined, 'the program runs set-uid'],
  ['a set-uid program of root', { uids: { ...all(0), effective: 1000 } }, undefined, 'the program runs set-uid'],
  ['a set-uid program that can go back', { uids: { ...all(1000), saved: 0 } }, undefined, 'the program runs set-uid'],
  ['a set-gid program', { gids: { ...all(1000), effective: 27 } }, undefined, 'the program runs set-gid'],
  ['a set-gid program that can go back', { gids: { ...all(1000), saved: 27 } }, undefined, 'the program runs set-gid'],
  ['sudo to another user', {}, '1001', 'running under sudo'],
  ['sudo from root', {}, '0', 'running under sudo'],
  ['su from another login', { loginUid: 1001 }, undefined, 'uid 1001 logged in, and this runs as uid 1000'],
  ['su from a login of root', { loginUid: 0 }, undefined, 'uid 0 logged in, and this runs as uid 1000'],
  [
    'sudo that left nothing in the environment',
    { loginUid: undefined, ancestors: [{ program: 'sudo', uid: 0 }] },
    undefined,
    '"sudo" started it',
  ],
  [
    'su where nothing is audited',
    {
      loginUid: undefined,
      ancestors: [
        { program: 'bash', uid: 1000 },
        { program: 'su', uid: 0 },
      ],
    },
    undefined,
    '"su" started it',
  ],
  [
    'a program that another account started',
    {
      loginUid: undefined,
      ancestors: [
        { program: 'sh', uid: 1000 },
        { program: 'agent', uid: 998 },
      ],
    },
    undefined,
    'it was started by "agent" of uid 998',
  ],
  ['a uid without an entry in the account database', { name: undefined }, undefined, 'uid 1000 is not in the account'],
  ['a uid of a user namespace', { ownUids: false }, undefined, 'uids are made up in a user namespace'],
  [
    'a machine without an id',
    { machineId: undefined },
    undefined,
    'the machine has no machine id, which only Linux keeps',
  ],
  ['a system without uids', { uids: all(-1), gids: all(-1) }, undefined, 'this system has no numeric accounts'],
  ['state on NFS', { stateFileSystem: 0x6969 }, undefined, 'its state folder is on NFS'],
  ['state on CIFS', { stateFileSystem: 0xff534d42 }, undefined, 'its state folder is on CIFS'],
  ['state on CIFS, as a signed number', { stateFileSystem: 0xff534d42 | 0 }, undefined, 'its state folder is on CIFS'],
  ['state on sshfs', { stateFileSystem: 0x65735546 }, undefined, 'its state folder is on FUSE (such as sshfs)'],
  ['state on 9p', { stateFileSystem: 0x01021997 }, undefined, 'its state folder is on 9p'],
])('%s is no identity [P2]', (_case, changes, sudoUid, why) => {
  expect(() => judgeAccount({ ...ada, ...changes }, sudoUid)).toThrow(
    expect.objectContaining({
      code: 'identity_refused',
      hint: expect.any(String),
      message: expect.stringContaining(`is not an identity here: ${why}`),
    }),
  );
});

/** What only root can arrange, on the kernel itself: each way to be somebody else, and what the account looks like then. */
describe.skipIf(skipped(await cannotLend(65534)))('on this machine', () => {
  let folder: string;
  let program: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'account-'));
    await chmod(folder, 0o755);
    program = join(folder, 'whoami.mjs');
    await build({
      stdin: {
        contents: `import { judgeAccount } from './os-identity.ts';
            import { runningAccount } from '../outside/accounts.ts';
            const account = await runningAccount(process.argv[2] ?? ${JSON.stringify(folder)});
            try { console.log('is ' + judgeAccount(account, process.env.SUDO_UID).subject); }
            catch (error) { console.log(error.message); }`,
        resolveDir: fileURLToPath(new URL('.', import.meta.url)),
      },
      outfile: program,
      bundle: true,
      format: 'esm',
      platform: 'node',
    });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** What the program says, started with these words and nothing in its environment. */
  async function says(command: readonly string[], as: { uid?: number; gid?: number } = {}): Promise<string> {
    const [file = '', ...argv] = command;
    const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
    const child = spawn(file, argv, { ...as, env: environment, cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = await Promise.all([text(child.stdout), once(child, 'close')]);
    return said.trim();
  }
  const node = process.execPath;
  const nobody = { uid: 65534, gid: 65534 };

  test('an ordinary account is its uid', async () => {
    expect(await says([node, program], nobody)).toBe('is 65534');
  });

  test('root is none', async () => {
    expect(await says([node, program])).toContain('running as root');
  });

  test('su is seen without a variable [P2]', async () => {
    expect(await says(['su', 'nobody', '-s', '/bin/sh', '-c', `${node} ${program}; true`])).toContain(
      '"su" started it',
    );
  });

  test('an account that another one started is seen without a variable [P2]', async () => {
    // What sudo to a second account would leave, had it left no process: root gave the program away from within a user's.
    const helper = join(folder, 'as-nobody');
    await copyFile('/usr/bin/setpriv', helper);
    await chmod(helper, 0o4755);
    const inner = `${helper} --reuid=65534 --regid=65534 --clear-groups ${node} ${program}; true`;
    expect(await says(['setpriv', '--reuid=1', '--regid=1', '--clear-groups', 'sh', '-c', inner])).toContain(
      'it was started by "sh" of uid 1',
    );
  });

  test('a set-uid program is seen', async () => {
    const own = join(folder, 'set-uid-node');
    await copyFile(node, own);
    await chmod(own, 0o4755);
    expect(await says([own, program], nobody)).toContain('the program runs set-uid');
  });

  test('a set-gid program is seen [P2]', async () => {
    const own = join(folder, 'set-gid-node');
    await copyFile(node, own);
    await chmod(own, 0o2755);
    expect(await says([own, program], nobody)).toContain('the program runs set-gid');
  });

  test('a user namespace is seen', async (context) => {
    const argv = ['unshare', '--user', '--map-user=65534', '--map-group=65534', node, program];
    const said = await says(argv, nobody);
    const missing = said === '' && { reason: 'this machine makes no user namespaces', installable: false };
    if (skipped(missing)) return context.skip();
    expect(said).toContain('uids are made up in a user namespace');
  });

  test.each(['uid_map', 'status'])('a file over /proc/self/%s is not the word of the kernel [P2]', async (name) => {
    const forged = join(folder, name);
    await writeFile(forged, await readFile(`/proc/self/${name}`));
    await chmod(forged, 0o644);
    // The shell becomes the program, under the same number.
    const inner = `mount --bind ${forged} /proc/$$/${name} 2>/dev/null && exec setpriv --reuid=65534 --regid=65534 --clear-groups ${node} ${program}`;
    const said = await says(['unshare', '-m', 'sh', '-c', inner]);
    expect(said).not.toBe('');
    if (name === 'uid_map') expect(said).toContain('uids are made up in a user namespace');
    // Without the file there are the ids that the system calls tell, and no trace of who started it.
    else expect(said).toBe('is 65534');
  });

  test('a user namespace that maps every uid to itself is seen by its number [P2]', async (context) => {
    const inner = `sleep 0.5; exec setpriv --reuid=65534 --regid=65534 --clear-groups ${node} ${program}`;
    const map = 'for map in uid_map gid_map; do echo "0 0 4294967295" > /proc/$!/$map; done';
    const said = await says(['sh', '-c', `(unshare --user sh -c '${inner}' & sleep 0.2; ${map}; wait) 2>/dev/null`]);
    const missing = said === '' && { reason: 'this machine makes no user namespaces', installable: false };
    if (skipped(missing)) return context.skip();
    expect(said).toContain('uids are made up in a user namespace');
  });

  test('a login of somebody else is seen [P2]', async (context) => {
    const own = `echo 1 > /proc/self/loginuid && exec setpriv --reuid=65534 --regid=65534 --clear-groups ${node} ${program}`;
    const said = await says(['sh', '-c', `${own} 2>/dev/null || true`]);
    const missing = said === '' && { reason: 'this kernel lets nobody set a login uid', installable: false };
    if (skipped(missing)) return context.skip();
    expect(said).toContain('uid 1 logged in, and this runs as uid 65534');
  });

  test('a state folder on a disk of this machine need not be there yet', async () => {
    expect(await says([node, program, join(folder, 'not', 'there', 'yet')], nobody)).toBe('is 65534');
  });

  test('a state folder on another kind of file system is seen [P2]', async (context) => {
    const mounted = join(folder, 'mounted');
    await mkdir(mounted);
    // Nobody serves this one: the kernel tells what it is without asking.
    const mount = `exec 3<>/dev/fuse && mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 nothing ${mounted}`;
    const inner = `setpriv --reuid=65534 --regid=65534 --clear-groups ${node} ${program}`;
    const said = await says(['unshare', '-m', 'sh', '-c', `(${mount}) 2>/dev/null && ${inner} ${mounted}`]);
    const missing = said === '' && { reason: 'this machine mounts no FUSE file system', installable: false };
    if (skipped(missing)) return context.skip();
    expect(said).toContain('its state folder is on FUSE');
  });
});
