/** What acts of ours explain of what happens on the platform, from lines of the record. Pure. */
import type { PlatformEvent } from '../platform/webhook.ts';
import type { Entry } from '../record/line.ts';

/** More than happens while an event is on its way. */
const mostRemembered = 20_000;

/** The acts of lines that were taken; the longest ago are forgotten where there are too many. */
export class OurActs {
  readonly #made = new Set<string>();
  readonly #asked = new Set<string>();
  readonly #most: number;

  constructor(most: number = mostRemembered) {
    this.#most = most;
  }

  take(entry: Entry): void {
    if (entry.kind === 'intent' && entry.target.id !== undefined) {
      this.#add(this.#asked, `${entry.act} ${entry.target.id}`);
    }
    if (entry.kind === 'outcome' && entry.made !== undefined) this.#add(this.#made, entry.made);
  }

  /** Whether it was made by an act of ours. */
  hasMade(id: string): boolean {
    return this.#made.has(id);
  }

  /** Whether an act of ours is the reason. What lies in a vault ends with it. */
  explains({ type, about, vault }: PlatformEvent): boolean {
    const [kind = '', verb = ''] = type.replace('vault_credential', 'credential').split('.');
    const asked = (act: string, id: string) => this.#asked.has(`${act} ${id}`);
    switch (verb) {
      case 'created':
        return this.hasMade(about);
      case 'updated':
        return asked(`${kind}.update`, about);
      case 'archived':
      case 'deleted': {
        const act = verb === 'archived' ? 'archive' : 'delete';
        return asked(`${kind}.${act}`, about) || (vault !== undefined && asked(`vault.${act}`, vault));
      }
      default:
        return false;
    }
  }

  #add(names: Set<string>, name: string): void {
    names.delete(name);
    names.add(name);
    if (names.size > this.#most) names.delete(names.values().next().value ?? '');
  }
}
