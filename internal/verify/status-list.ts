/**
 * Token Status List: a signed, compressed list of a few bits for each token, by which one is taken back before it expires. Signed
 * by the issuer of the tokens, read and judged before it is unpacked, kept for a short time, and no list means no token.
 */
import { inflateSync } from 'node:zlib';
import { jwtVerify } from 'jose';
import type { Algorithm } from './claims.ts';
import type { VerifyingKey } from './key-set.ts';
import { type Asking, readRemoteText, Unavailable } from './remote-text.ts';

/** A list that was verified. */
export interface StatusList {
  bits: 1 | 2 | 4 | 8;
  bytes: Uint8Array;
}

/** The `typ` of a status list. */
const statusListType = 'statuslist+jwt';

/** Unpacked: eight million tokens of one bit. */
const mostBytes = 2 ** 20;
const mostTextBytes = 2 * 2 ** 20;

/** Unpacks a list. Throws {@link Unavailable} for one that is none. */
export function unpackStatusList(value: unknown): StatusList {
  const { bits, lst } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const known = ([1, 2, 4, 8] as const).find((each) => each === bits);
  if (known === undefined || typeof lst !== 'string' || !/^[\w-]+$/.test(lst))
    throw new Unavailable('that is no status list');
  try {
    return { bits: known, bytes: inflateSync(Buffer.from(lst, 'base64url'), { maxOutputLength: mostBytes }) };
  } catch (cause) {
    throw new Unavailable('the status list cannot be unpacked', { cause });
  }
}

/** The status at one place: 0 is valid, whatever else is not. Undefined beyond the list. */
export function statusAt({ bits, bytes }: StatusList, index: number): number | undefined {
  if (!Number.isSafeInteger(index) || index < 0) return undefined;
  const perByte = 8 / bits;
  const byte = bytes[Math.floor(index / perByte)];
  if (byte === undefined) return undefined;
  return (byte >> ((index % perByte) * bits)) & ((1 << bits) - 1);
}

/** What a list is verified with. */
export interface ListRules {
  issuer: string;
  algorithm: Algorithm;
  skewSeconds: number;
  key(kid: string): Promise<VerifyingKey | undefined>;
  /** How long a list counts before it is asked for again; what it says itself can only shorten that. */
  freshSeconds: number;
  /** How long it counts where it could not be asked for again, since it was read. */
  staleSeconds: number;
  /** At least so long between two requests. */
  cooldownSeconds: number;
}

/** One list that is kept and asked for again. */
export interface StatusSource {
  /** A list that counts now. Throws {@link Unavailable}. */
  current(): Promise<StatusList> | StatusList;
}

/** The status list at an address. */
export function remoteStatusList(address: string, rules: ListRules, asking: Asking): StatusSource {
  let kept: { list: StatusList; issuedAt: number; expires: number; freshUntil: number; readAt: number } | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  let underWay: Promise<void> | undefined;
  const seconds = () => asking.now() / 1000;
  const ask = async () => {
    const text = await readRemoteText(address, asking, 'application/statuslist+jwt', mostTextBytes);
    const now = seconds();
    const { iat, exp, ttl, list } = await verifyStatusList(text.trim(), address, rules, new Date(asking.now()));
    // An older list would take back that something was taken back.
    if (kept !== undefined && iat < kept.issuedAt) throw new Unavailable(`${address} is older than before`);
    const fresh = Math.min(rules.freshSeconds, ttl ?? rules.freshSeconds);
    kept = { list, issuedAt: iat, expires: exp, freshUntil: now + fresh, readAt: now };
  };
  const usable = () => {
    const now = seconds();
    const valid = kept !== undefined && now < kept.expires && now >= kept.readAt - rules.skewSeconds;
    return valid && kept !== undefined ? { kept, now } : undefined;
  };
  const refresh = async () => {
    const sinceAsked = seconds() - askedAt;
    if (underWay === undefined) {
      if (sinceAsked >= 0 && sinceAsked < rules.cooldownSeconds) return;
      underWay = ask().finally(() => {
        // From the end on: a host that lets everybody wait would be asked without a pause.
        askedAt = seconds();
        underWay = undefined;
      });
    }
    // Judged below, by how old the last good list is.
    await underWay.catch(() => {});
  };
  const renewed = async () => {
    await refresh();
    const last = usable();
    if (last === undefined || last.now >= Math.max(last.kept.freshUntil, last.kept.readAt + rules.staleSeconds)) {
      throw new Unavailable(`the status list at ${address} cannot be had`);
    }
    return last.kept.list;
  };
  return {
    current() {
      const last = usable();
      return last !== undefined && last.now < last.kept.freshUntil ? last.kept.list : renewed();
    },
  };
}

async function verifyStatusList(
  text: string,
  address: string,
  { issuer, algorithm, skewSeconds, key }: ListRules,
  currentDate: Date,
): Promise<{ iat: number; exp: number; ttl: number | undefined; list: StatusList }> {
  try {
    const { payload } = await jwtVerify(
      text,
      async ({ kid }) => {
        const found = kid === undefined ? undefined : await key(kid);
        if (found === undefined)
          throw new Unavailable(`the status list at ${address} is signed with no key of its issuer`);
        return found;
      },
      {
        algorithms: [algorithm],
        typ: statusListType,
        issuer,
        subject: address,
        requiredClaims: ['iat', 'exp', 'sub', 'status_list'],
        clockTolerance: skewSeconds,
        currentDate,
      },
    );
    const { iat = Number.NaN, exp = Number.NaN, ttl, status_list: packed } = payload;
    if (!(iat <= currentDate.getTime() / 1000 + skewSeconds)) throw new Unavailable(`${address} is of the future`);
    if (ttl !== undefined && !(typeof ttl === 'number' && ttl > 0)) throw new Unavailable(`${address} has no ttl`);
    return { iat, exp, ttl, list: unpackStatusList(packed) };
  } catch (cause) {
    if (cause instanceof Unavailable) throw cause;
    throw new Unavailable(`the status list at ${address} is not to be believed`, { cause });
  }
}
