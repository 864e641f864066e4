/** What is shown of session tokens and the keys they are signed with. */
import type { CommandResult } from '../../internal/cli/program.ts';
import type {
  InspectedToken,
  ListedTokenKeys,
  MadeTokenKey,
  RetiredTokenKey,
  RevokedTokens,
} from '../../internal/run/values/session-tokens.ts';
import { visible } from '../../internal/text/quote.ts';

/** A key that was made. */
export function showMade(made: MadeTokenKey): CommandResult {
  const key = made.keys.find(({ kid }) => kid === made.kid);
  const would = made.would ? 'would sign' : key?.state === 'signs' ? 'signs' : 'signs later,';
  return {
    text: [
      `${made.kid} ${would} from ${key?.signs_from ?? ''}`,
      ...made.written.map((file) => `written: ${visible(file)}`),
    ].join('\n'),
    json: made,
  };
}

/** The keys and what each is for. */
export function showKeys(listed: ListedTokenKeys): CommandResult {
  const rows = listed.keys.map(({ kid, alg, state, signs_from: from, may_go_at: at }) => [
    kid,
    alg,
    state,
    from,
    at ?? '-',
  ]);
  return {
    text:
      rows.length === 0
        ? 'there are no keys'
        : [{ heading: ['key', 'algorithm', 'state', 'signs from', 'may go'], rows }],
    json: listed,
  };
}

/** A key that was taken away. */
export function showRetired(retired: RetiredTokenKey): CommandResult {
  const lines = retired.written.map((file) => `written: ${visible(file)}`);
  return { text: [`${retired.kid} ${retired.would ? 'would be' : 'was'} retired`, ...lines].join('\n'), json: retired };
}

/** One token: whether it counts, and what it says. */
export function showInspected(token: InspectedToken): CommandResult {
  const { counts, why, claims } = token;
  const rows = Object.entries(claims ?? {}).map(([name, value]) => [
    visible(name),
    visible(typeof value === 'string' ? value : JSON.stringify(value)),
  ]);
  const verdict = counts ? 'it counts' : `it does not count: ${visible(why ?? '')}`;
  return {
    text: rows.length === 0 ? verdict : [verdict, { heading: ['claim', 'value'], rows }],
    json: token,
  };
}

/** Tokens that were taken back. */
export function showRevoked(revoked: RevokedTokens): CommandResult {
  const { session_id: id, servers, begun, change } = revoked;
  const also = begun.length === 0 ? '' : `, and those of what it began: ${begun.map(visible).join(', ')}`;
  const at = servers.length === 0 ? '' : ` for ${servers.map(visible).join(', ')}`;
  const done = change === 'taken back';
  return {
    text: [
      `the tokens of ${visible(id)}${at}${also} ${done ? 'are' : 'would be'} taken back`,
      ...(done ? [`it can be read, and takes nothing any more; end it: setup-session stop ${visible(id)}`] : []),
    ].join('\n'),
    json: revoked,
  };
}
