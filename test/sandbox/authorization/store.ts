import type { Adapter, AdapterPayload } from 'oidc-provider';

/** What a store does differently for client identifiers. */
export interface ClientRules {
  /** Judges a dynamic registration before it is kept; throws to refuse it. */
  admit?: (metadata: AdapterPayload) => void;
  /** Finds a client that nobody registered, such as one named by the URL of its own metadata. */
  resolve?: (clientId: string) => Promise<AdapterPayload | undefined>;
}

/** Access that an account gave to a client and that has not ended. */
export interface LiveGrant {
  readonly id: string;
  readonly clientId: string;
  readonly refreshTokens: readonly string[];
}

/** Everything one authorization server remembers. */
export interface AuthorizationStore {
  /** What oidc-provider asks for as its `adapter`. */
  adapter(model: string): Adapter;
  /** Every code and token this server ever issued, and every noted secret, for tests that search output for them. */
  issuedSecrets(): readonly string[];
  /** Adds a secret that this server did not issue itself. */
  noteSecret(secret: string): void;
  /** The grants of an account that are still alive. */
  grantsOf(accountId: string): readonly string[];
  /** The same with whom they were made to, and the refresh tokens that keep them going. */
  liveGrantsOf(accountId: string): readonly LiveGrant[];
  /** Forgets a grant with every token that came from it. */
  revokeGrant(grantId: string): void;
}

interface Entry {
  readonly model: string;
  readonly payload: AdapterPayload;
  readonly expiresAt: number;
}

const secretModels = new Set(['AuthorizationCode', 'AccessToken', 'RefreshToken', 'DeviceCode']);

/**
 * Keeps one server's sessions, grants and tokens in memory. Each server has its own, so that several
 * sandboxes in one process never see each other; and expiry is counted on the sandbox's clock, so
 * that an hour can pass in a test without waiting for it.
 */
export function createStore(now: () => number, clients: ClientRules = {}): AuthorizationStore {
  const entries = new Map<string, Entry>();
  const sessionsByUid = new Map<string, string>();
  const secrets: string[] = [];

  function alive(key: string): AdapterPayload | undefined {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.expiresAt > now()) return entry.payload;
    entries.delete(key);
    return undefined;
  }

  /** A device code is told apart from an unknown one after its time, so it stays, marked as expired. */
  function deviceCode(key: string): AdapterPayload | undefined {
    const entry = entries.get(key);
    if (entry === undefined || entry.expiresAt > now()) return entry?.payload;
    return { ...entry.payload, exp: 1 };
  }

  function revokeGrant(grantId: string): void {
    for (const [key, entry] of entries) {
      if (key === `Grant:${grantId}` || entry.payload.grantId === grantId) entries.delete(key);
    }
  }

  function adapter(model: string): Adapter {
    const keyOf = (id: string): string => `${model}:${id}`;
    return {
      async upsert(id, payload, expiresIn) {
        if (model === 'Client') clients.admit?.(payload);
        if (model === 'Session' && payload.uid !== undefined) sessionsByUid.set(payload.uid, id);
        if (secretModels.has(model)) secrets.push(id);
        const expiresAt = expiresIn === undefined ? Number.POSITIVE_INFINITY : now() + expiresIn * 1000;
        entries.set(keyOf(id), { model, payload, expiresAt });
      },
      async find(id) {
        if (model === 'DeviceCode') return deviceCode(keyOf(id));
        const known = alive(keyOf(id));
        return known === undefined && model === 'Client' ? clients.resolve?.(id) : known;
      },
      async findByUid(uid) {
        const id = sessionsByUid.get(uid);
        return id === undefined ? undefined : alive(keyOf(id));
      },
      async findByUserCode(userCode) {
        for (const [key, entry] of entries) {
          if (entry.model === model && entry.payload.userCode === userCode) return deviceCode(key);
        }
        return undefined;
      },
      async consume(id) {
        const payload = alive(keyOf(id));
        if (payload !== undefined) payload.consumed = Math.floor(now() / 1000);
      },
      async destroy(id) {
        entries.delete(keyOf(id));
      },
      async revokeByGrantId(grantId) {
        revokeGrant(grantId);
      },
    };
  }

  return {
    adapter,
    issuedSecrets: () => [...secrets],
    noteSecret: (secret) => void secrets.push(secret),
    grantsOf(accountId) {
      return [...entries]
        .filter(([, { model, payload }]) => model === 'Grant' && payload.accountId === accountId)
        .map(([key]) => key.slice('Grant:'.length));
    },
    liveGrantsOf(accountId) {
      const all = [...entries].map(([key, { model, payload }]) => ({
        id: key.slice(model.length + 1),
        model,
        payload,
      }));
      return all
        .filter(({ model, payload }) => model === 'Grant' && payload.accountId === accountId)
        .map(({ id, payload }) => ({
          id,
          clientId: String(payload.clientId),
          refreshTokens: all
            .filter(({ model, payload: { grantId } }) => model === 'RefreshToken' && grantId === id)
            // One that another was given for keeps nothing going.
            .filter(({ payload: { consumed } }) => consumed === undefined)
            .map((token) => token.id),
        }));
    },
    revokeGrant,
  };
}
