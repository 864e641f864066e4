/** Who has a vault in the workspace: what an operator looks through to find somebody. */
import { isLetIn } from '../../vault/claims.ts';
import { ownerOf, type VaultAnswer } from '../../vault/owner.ts';
import { everyVault, type Owner } from '../../vault/persons-vaults.ts';
import { judgeClaim, labelIn } from '../../vault/resolve.ts';
import { isOffboarded } from '../../vault/tombstone.ts';
import { requireOperator } from '../actor.ts';
import type { Ports } from '../ports.ts';
import { loadProject, openOperatorRun } from '../project.ts';
import type { ListedPeople, ListPeopleRequest } from '../values/people.ts';

/** Somebody whom vaults name. */
interface Person {
  owner: Owner;
  /** What the platform shows a vault of theirs as; it informs, it never decides. */
  label: string;
  active: VaultAnswer[];
  isGone: boolean;
}

const perPage = 50;

/** One page of them by label, those that a text is found in: in label, subject or issuer. */
export async function listPeople({ find, page }: ListPeopleRequest, ports: Ports): Promise<ListedPeople> {
  const configuration = await loadProject(ports);
  const run = await openOperatorRun(ports, configuration, 'service-connection offboard');
  requireOperator(run.principal, configuration, 'look through the people of the workspace');
  const people = new Map<string, Person>();
  for await (const vault of everyVault(run.platform)) {
    const owner = ownerOf(vault.metadata);
    if (owner === undefined) continue;
    const key = JSON.stringify([owner.kind, owner.issuer, owner.subject]);
    const known = people.get(key) ?? { owner, label: labelIn(vault.display_name), active: [], isGone: false };
    if (vault.archived_at === null) known.active.push(vault);
    if (isOffboarded(vault.metadata)) known.isGone = true;
    people.set(key, known);
  }
  const wanted = find?.trim().toLowerCase() ?? '';
  const found = [...people.values()]
    .filter(({ label, owner }) =>
      [label, owner.subject, owner.issuer].some((text) => text.toLowerCase().includes(wanted)),
    )
    .sort((one, other) => (one.label < other.label ? -1 : one.label > other.label ? 1 : 0));
  const pages = Math.max(1, Math.ceil(found.length / perPage));
  const at = Math.min(Math.max(1, page), pages);
  const shown = found.slice((at - 1) * perPage, at * perPage);
  return {
    people: await Promise.all(
      shown.map(async ({ owner, label, active, isGone }) => {
        const judged = await Promise.all(active.map((vault) => judgeClaim(vault, owner, run.ownership)));
        const claims = judged.filter((claim) => claim !== undefined);
        return {
          owner,
          label,
          is_offboarded: isGone && !isLetIn(claims),
          vaults: claims.map(({ vault, signature }) => ({
            vault_id: vault.id,
            created_at: vault.created_at,
            signature: signature.kind,
          })),
        };
      }),
    ),
    found: found.length,
    page: at,
    pages,
  };
}
