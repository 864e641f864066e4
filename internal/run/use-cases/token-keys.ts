/** The keys that session tokens are signed with: made, replaced, shown, and taken away when nothing of theirs can count any more. */
import { join } from 'node:path';
import { clock } from '../../clock/clock.ts';
import type { Interface } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Recorder } from '../../platform/recorder.ts';
import type { Secret } from '../../secret/secret.ts';
import { changeTokenKeys, readTokenKeys } from '../../session-token/key-file.ts';
import {
  givenTokenKey,
  mayGoAt,
  newTokenKey,
  shortestNoticeSeconds,
  signingKey,
  type TokenKey,
} from '../../session-token/keys.ts';
import { tokenKeyName } from '../../session-token/signer.ts';
import { SecretUnavailable } from '../../stores/kept-secret.ts';
import { quote } from '../../text/quote.ts';
import { recorderFor } from '../actor.ts';
import { openForChange, type SharedChange } from '../open-for-change.ts';
import type { Ports } from '../ports.ts';
import { loadProject } from '../project.ts';
import { publishedIn, publishKeys } from '../session-tokens.ts';
import type { TrustedConfiguration } from '../trusted-configuration.ts';
import type {
  ListedTokenKeys,
  MadeTokenKey,
  MakeTokenKeyRequest,
  RetiredTokenKey,
  RetireTokenKeyRequest,
} from '../values/session-tokens.ts';

/** How long a further key is published before it signs, unless told. */
const usualNoticeSeconds = 86_400;

/**
 * Makes the first key, which signs at once, or one that takes over once everybody has had the time to learn of it. The private
 * half goes where secrets are kept or to a descriptor; where a program signs, its public half is given. Throws `usage`, `token_key`.
 */
export async function makeTokenKey(request: MakeTokenKeyRequest, ports: Ports): Promise<MadeTokenKey> {
  const { act, publicKey, noticeSeconds = usualNoticeSeconds, dryRun } = request;
  if (noticeSeconds < shortestNoticeSeconds) {
    throw new AppError('usage', `a key that signs in ${noticeSeconds} s is not known everywhere by then`, {
      hint: `at least ${shortestNoticeSeconds / 3600}h: libraries keep the keys they have for a while`,
    });
  }
  const { configuration, settings, recorder } = await openKeys(ports, dryRun ? undefined : `keys ${act}`);
  const before = await readTokenKeys(configuration.folder);
  requireInTurn(
    act,
    before.filter(({ alg }) => alg === settings.algorithm),
  );
  const from = new Date(clock.now().getTime() + (act === 'generate' ? 0 : noticeSeconds * 1000));
  const made =
    publicKey === undefined
      ? await newTokenKey(settings.algorithm, from)
      : { key: await givenTokenKey(publicKey, settings.algorithm, from), privateKey: undefined };
  const { key, privateKey } = made;
  if (before.some(({ kid }) => kid === key.kid)) {
    throw new AppError('token_key', `${quote(key.kid)} is one of the keys already`, { hint: 'nothing was changed' });
  }
  if (dryRun) return { kid: key.kid, keys: keysValue([...before, key], settings), written: [], would: true };
  // The private half first: a key that is published and nobody has would stop everything once its time comes.
  if (privateKey !== undefined) {
    const target = { kind: 'session_key', id: key.kid, label: key.kid } as const;
    await recorder.act({ act: 'session_key.make', target }, () => keepPrivate(ports, key, privateKey));
  }
  const keys = await changeTokenKeys(configuration.folder, { signal: ports.signal, recorder }, async (now) => {
    requireInTurn(
      act,
      now.filter(({ alg }) => alg === settings.algorithm),
    );
    return [...now, key];
  });
  return { kid: key.kid, keys: keysValue(keys, settings), written: await published(configuration, keys), would: false };
}

/** Shows the keys and what each is for now. */
export async function listTokenKeys(_request: object, ports: Ports): Promise<ListedTokenKeys> {
  const { configuration, settings } = await openKeys(ports, undefined);
  const keys = await readTokenKeys(configuration.folder);
  return { keys: keysValue(keys, settings), issuer: settings.issuer, published_in: publishedIn(configuration) };
}

/** Takes a key away, here and where it is published. Throws `token_key` while anything that it has signed may count. */
export async function retireTokenKey({ kid, dryRun }: RetireTokenKeyRequest, ports: Ports): Promise<RetiredTokenKey> {
  const { configuration, settings, recorder } = await openKeys(ports, dryRun ? undefined : `keys retire ${quote(kid)}`);
  const without = (keys: readonly TokenKey[]) => {
    const key = keys.find((each) => each.kid === kid);
    if (key === undefined) {
      throw new AppError('usage', `there is no key ${quote(kid)}`, { hint: 'see them: setup-session keys list' });
    }
    requireMayGo(keys, key, settings.algorithm);
    return keys.filter((each) => each.kid !== kid);
  };
  const left = without(await readTokenKeys(configuration.folder));
  if (dryRun) return { kid, keys: keysValue(left, settings), written: [], would: true };
  const keys = await changeTokenKeys(configuration.folder, { signal: ports.signal, recorder }, async (now) =>
    without(now),
  );
  const written = await published(configuration, keys);
  const target = { kind: 'session_key', id: kid, label: kid } as const;
  await recorder.act({ act: 'session_key.remove', target }, async () => {
    await (await ports.secrets())?.(tokenKeyName(kid))
      .remove()
      .catch((error: unknown) => {
        if (!(error instanceof SecretUnavailable)) throw error;
        ports.tell.warn(`the private half was not removed: ${error.message}`);
      });
  });
  return { kid, keys: keysValue(keys, settings), written, would: false };
}

async function published(configuration: TrustedConfiguration, keys: readonly TokenKey[]): Promise<string[]> {
  return [join(configuration.folder, 'session-keys.json'), await publishKeys(configuration, keys)];
}

/** Opens it for whoever may change what belongs to everybody; to look, nobody has to be anybody. */
async function openKeys(ports: Ports, command: string | undefined) {
  const configuration = await loadProject(ports, { workspace: 'any' });
  const { session_tokens: settings } = configuration.interface;
  if (settings === undefined) {
    throw new AppError('usage', 'the configuration has no session_tokens', {
      hint: 'say who signs and where keys are published: docs/session-identity.md',
    });
  }
  const change: SharedChange | undefined =
    command === undefined
      ? undefined
      : { what: 'change the keys of session tokens', command: `setup-session ${command}` };
  const recorder: Recorder =
    change === undefined ? recorderFor(ports) : (await openForChange(ports, configuration, change)).recorder;
  return { configuration, settings, recorder };
}

function requireInTurn(act: MakeTokenKeyRequest['act'], keys: readonly TokenKey[]): void {
  if (act === 'generate' && keys.length > 0) {
    throw new AppError('usage', 'there is a key already, and what it has signed is verified with it', {
      hint: 'have another one take over: setup-session keys rotate',
    });
  }
  if (act === 'generate') return;
  if (keys.length === 0) {
    throw new AppError('usage', 'there is no key that could be replaced', {
      hint: 'make one: setup-session keys generate',
    });
  }
  const waiting = keys.find(({ signsFrom }) => Date.parse(signsFrom) > clock.now().getTime());
  if (waiting === undefined) return;
  throw new AppError('usage', `${quote(waiting.kid)} is about to take over already, at ${waiting.signsFrom}`, {
    hint: 'nothing was changed; rotate again after that',
  });
}

function requireMayGo(keys: readonly TokenKey[], key: TokenKey, algorithm: TokenKey['alg']): void {
  const at = mayGoAt(keys, key, algorithm);
  if (at !== undefined && at <= clock.now().getTime()) return;
  const when =
    at === undefined
      ? 'no other key comes after it'
      : `what it has signed may count until ${new Date(at).toISOString()}`;
  throw new AppError('token_key', `the key ${quote(key.kid)} cannot go yet: ${when}`, {
    hint:
      at === undefined
        ? 'have another one take over first: setup-session keys rotate; tokens are taken back with setup-session token revoke'
        : 'tokens are taken back with setup-session token revoke, and not by taking a key away',
  });
}

async function keepPrivate(ports: Ports, { kid }: TokenKey, privateKey: Secret): Promise<void> {
  const descriptor = ports.descriptors.newKey;
  if (descriptor !== undefined) {
    const { writeSecretTo } = await import('../../outside/file-descriptor.ts');
    return await writeSecretTo(descriptor, privateKey);
  }
  const elsewhere = {
    hint: 'write it to a descriptor, in bash or zsh: --private-key-to-fd 3 3> >(<command that keeps it>); or give the public half of a key that a program signs with: --public-key <file>',
  };
  const place = (await ports.secrets())?.(tokenKeyName(kid));
  if (place === undefined) throw new AppError('token_key', 'this run keeps no secrets, so no key either', elsewhere);
  try {
    await place.write(privateKey);
  } catch (cause) {
    if (!(cause instanceof SecretUnavailable)) throw cause;
    throw new AppError('token_key', `${place.called} does not keep the key: ${quote(cause.message)}`, elsewhere);
  }
}

function keysValue(keys: readonly TokenKey[], { algorithm }: NonNullable<Interface['session_tokens']>) {
  const now = clock.now();
  const signs = signingKey(keys, algorithm, now)?.kid;
  return keys.map((key) => {
    const at = mayGoAt(keys, key, algorithm);
    const { kid, alg, signsFrom } = key;
    const waits = Date.parse(signsFrom) > now.getTime();
    const state =
      kid === signs
        ? ('signs' as const)
        : waits
          ? ('waits' as const)
          : at !== undefined && at <= now.getTime()
            ? ('may go' as const)
            : ('replaced' as const);
    return { kid, alg, signs_from: signsFrom, state, may_go_at: at === undefined ? null : new Date(at).toISOString() };
  });
}
