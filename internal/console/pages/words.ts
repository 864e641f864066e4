/** Words of the pages for what use-cases say in words of a terminal. */
import { AppError } from '../../errors/app-error.ts';
import type { Said } from './page.ts';

/** A hint that somebody at a page can follow: none that names a command or an option. What it quotes is called as others call it. */
export function usableHint(hint: string | null | undefined): string | undefined {
  if (hint === null || hint === undefined) return undefined;
  const ours = hint.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
  return /\b(service-connection|setup-session|skill-sync)\b|(^|\s)--\w|\bterminal\b/.test(ours) ? undefined : hint;
}

/** How something ended that did not work, for the next page. What is no error of ours is thrown on. */
export function failed(title: string, error: unknown): Said {
  if (!(error instanceof AppError) || error.code === 'bug') throw error;
  const hint = usableHint(error.hint);
  return { look: 'bad', title, lines: [...error.message.split('\n'), ...(hint === undefined ? [] : [hint])] };
}

/** A time to the minute. */
export function timeOf(time: string): string {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(time) ? `${time.slice(0, 16).replace('T', ' ')} UTC` : time;
}
