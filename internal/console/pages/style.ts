import { listsStyle } from './lists.ts';

/** What the pages of the console have beside the look of every page: a navigation, tables, a way past both. */
export const pagesStyle = `${listsStyle}
.skip { position: absolute; left: -100vw }
.skip:focus { left: .5rem; top: .5rem; z-index: 1; padding: .5rem .75rem; border-radius: .5rem; background: var(--card) }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem; max-width: 60rem; margin: 0 auto; padding: 0 1.125rem .5rem }
nav a { display: block; padding: .375rem .625rem; border-radius: .5rem; color: var(--text); font-size: .9375rem; font-weight: 550; text-decoration: none }
nav a:hover { background: var(--hover) }
nav a[aria-current] { background: var(--plain-back); color: var(--accent) }
[hidden] { display: none }
main:focus { outline: none }
@media (max-width: 40rem) {
  nav ul { padding-left: min(.625rem, 2.5vw); padding-right: min(.625rem, 2.5vw) }
  nav a { min-height: 2.75rem; padding-top: .625rem }
}
`;
