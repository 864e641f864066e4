/** The few pictures of the pages, drawn in the page itself. Each goes with words that say the same. */
import { raw } from 'hono/html';
import type { Markup } from './document.ts';

const shapes = {
  ok: '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
  bad: '<path d="m7 7 10 10M17 7 7 17"/>',
  warn: '<path d="M12 4.5v9.5M12 19v.1"/>',
  plain: '<path d="M7 12h10"/>',
  wait: '<path d="M12 7v5l3.5 2"/><circle cx="12" cy="12" r="8.5"/>',
  key: '<circle cx="8" cy="15.5" r="4.25"/><path d="m11.2 12.4 8.3-8.2M16 7.7l2.8 2.8"/>',
} as const;

/** The name of a picture. */
export type IconName = keyof typeof shapes;

/** A picture in the color of the text around it; readers that read aloud pass over it. */
export function icon(name: IconName, size: number): Markup {
  return raw(
    `<svg width="${size}" height="${size}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${shapes[name]}</svg>`,
  );
}
