import { listsStyle } from './lists.ts';

/** What the pages of the console have beside the look of every page: a navigation, lists, cards, turns, a way past the top. */
export const pagesStyle = `${listsStyle}
.skip { position: absolute; left: -100vw }
.skip:focus { left: .5rem; top: .5rem; z-index: 1; padding: .5rem .75rem; border-radius: .5rem; background: var(--card) }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem; max-width: 60rem; margin: 0 auto; padding: 0 .875rem .5rem }
nav a { display: block; padding: .375rem .625rem; border-radius: .5rem; color: var(--text); font-size: .9375rem; font-weight: 550; text-decoration: none }
nav a:hover { background: var(--hover) }
nav a[aria-current] { background: var(--plain-back); box-shadow: inset 0 -2px var(--accent) }
[hidden] { display: none }
main:focus { outline: none }
.intro .facts { margin-top: .75rem; color: var(--text) }
.part { margin: 2rem 0 .625rem; font-size: 1.125rem }
.part + p { margin-bottom: .75rem }
.cards { display: grid; grid-template-columns: minmax(0, 1fr); gap: .75rem }
.card { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .625rem 1rem; padding: 1rem 1.25rem;
  background: var(--card); border: 1px solid var(--line); border-radius: .875rem; box-shadow: var(--shadow) }
.card > :first-child { flex: 1 1 18rem; min-width: 0 }
.card h2, .card h3 { margin: 0; font-size: 1.0625rem; line-height: 1.3; font-weight: 650 }
.ask > :first-child { flex-basis: 100% }
.ask .why { margin: .625rem 0 0 }
.list { padding-left: 1.25rem; list-style: disc }
.panel { padding: 1rem 1.25rem; background: var(--card); border: 1px solid var(--line); border-radius: .875rem }
.panel h2 { margin: .75rem 0 .25rem; font-size: 1rem }
.panel h2:first-child { margin-top: 0 }
.ask pre { max-height: 24rem; overflow: auto; border: 1px solid var(--line) }
.ask form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; min-width: 0 }
.ask .actions { min-width: 0 }
.ask input:not([type=hidden]) { flex: 1 1 9rem }
main > p + .actions { margin-top: .875rem }
.entering { margin-top: 1.5rem }
.entering label { display: block; margin-bottom: .375rem; font-weight: 600; font-size: .9375rem }
.entering input { width: 100% }
form > .actions { margin-top: .75rem }
.turns { display: grid; gap: 1.25rem }
.turn { display: grid; gap: .5rem }
.turn .said { justify-self: end; max-width: 40rem; padding: .625rem .875rem; border-radius: .875rem .875rem .25rem .875rem; background: var(--plain-back) }
.turn small { font-size: .8125rem }
.turn .soft { justify-self: end }
.answer { max-width: 46rem; padding: .75rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .25rem .875rem .875rem .875rem }
#said-now { margin-top: .5rem; white-space: pre-wrap }
.calls { display: flex; flex-wrap: wrap; gap: .25rem 1rem; font-size: .9375rem }
.now { margin-top: 1rem }
@media (max-width: 40rem) {
  nav ul { padding-left: min(.375rem, 1.5vw); padding-right: min(.375rem, 1.5vw) }
  nav a { min-height: 2.75rem; padding-top: .625rem }
  .card, .panel { padding: min(1rem, 4vw) }
  .card > .actions { flex: 1 1 100% }
}
`;
