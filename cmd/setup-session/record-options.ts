import { InvalidArgumentError } from 'commander';

/** A time in RFC 3339, as the record writes it. */
export function moment(text: string): string {
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) throw new InvalidArgumentError('expected a time such as 2026-11-29T12:00:00Z');
  return new Date(at).toISOString();
}

/** A number of acts. */
export function count(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('expected a number from 1 on');
  return Number(text);
}

/** The place of a line in the record; 0 is before the first. */
export function place(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('expected a number from 0 on');
  return Number(text);
}
