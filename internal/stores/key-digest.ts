/** What a key is kept under where it is kept by a digest: nothing in a key chooses its place, nor differs by case alone. */
import { sha256 } from '../text/canonical.ts';
import type { Key } from './kept-text.ts';

/** The digest of a key, and behind it how the same was called when a key said nothing of a workspace but its platform. */
export function digestsOf(key: Key): readonly [string, ...string[]] {
  return key.workspace?.id === undefined ? [digestOf(key)] : [digestOf(key), digestOf(withoutId(key))];
}

function digestOf({ workspace, person, name }: Key): string {
  if (workspace === undefined && person === undefined) return sha256(name ?? '');
  const place = workspace && [workspace.id === undefined ? workspace.address : [workspace.address, workspace.id]];
  const whose = person && [person.kind, person.issuer, person.subject];
  return sha256(JSON.stringify([...(place ?? []), ...(whose ?? []), ...(name === undefined ? [] : [name])]));
}

function withoutId({ workspace, ...key }: Key): Key {
  return workspace === undefined ? key : { ...key, workspace: { address: workspace.address, id: undefined } };
}
