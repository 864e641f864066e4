/**
 * The look of every page: the system's own fonts, light and dark as the person's system says, one column on a phone.
 * Text has a contrast of at least 4.5 to what is behind it (WCAG 2.2 AA), and color never says anything alone.
 * Text of twice its size fits a screen of 320 pixels: what stands beside each other there goes below, paddings do not grow, and
 * headings grow less than the rest, so that no word of ours is parted.
 */
export const style = `
:root {
  color-scheme: light dark;
  --page: #f5f6f8; --card: #ffffff; --text: #171a21; --soft: #59606e; --line: #dfe3e9; --line-strong: #8a92a1;
  --accent: #2b50d2; --accent-hover: #2142b4; --on-accent: #ffffff; --hover: #eef1f6; --focus: #2b50d2;
  --ok: #11683a; --ok-back: #e3f4ea; --warn: #7d4b00; --warn-back: #fcefd6; --bad: #ab231b; --bad-back: #fce9e7;
  --plain: #515866; --plain-back: #edeff3;
  --shadow: 0 1px 2px rgb(20 26 40 / .05), 0 6px 20px -8px rgb(20 26 40 / .10);
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e1014; --card: #171a21; --text: #eceef3; --soft: #a4abb9; --line: #2a303b; --line-strong: #6d7686;
    --accent: #93abff; --accent-hover: #b1c2ff; --on-accent: #10131c; --hover: #212631; --focus: #93abff;
    --ok: #74dba3; --ok-back: #11301f; --warn: #f0c06c; --warn-back: #33260e; --bad: #ffa198; --bad-back: #3b1815;
    --plain: #b3bac7; --plain-back: #252a34;
    --shadow: 0 1px 2px rgb(0 0 0 / .4);
  }
}
*, ::before, ::after { box-sizing: border-box }
html { -webkit-text-size-adjust: 100% }
body { margin: 0; background: var(--page); color: var(--text); overflow-wrap: anywhere;
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif }
h1, h2, p, dl, dd, ul { margin: 0; padding: 0 }
ul { list-style: none }
h1 { font-size: 1.625rem; line-height: 1.2; letter-spacing: -.015em; text-wrap: balance }
a { color: var(--accent); text-underline-offset: .2em }
svg { display: block; flex: none }
code, .code { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, monospace; font-size: .875em }
.soft { color: var(--soft) }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px }

button, .button { display: inline-flex; align-items: center; justify-content: center; min-height: 2.375rem;
  padding: .375rem .875rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--card); color: var(--text);
  font: inherit; font-size: .9375rem; font-weight: 550; text-align: center; text-decoration: none; white-space: nowrap; cursor: pointer }
button:hover, .button:hover { background: var(--hover); border-color: var(--line-strong) }
.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent) }
.primary:hover { background: var(--accent-hover); border-color: var(--accent-hover) }
.danger { color: var(--bad) }
.danger:hover { background: var(--bad-back); border-color: var(--bad) }
.grave { background: var(--bad); border-color: var(--bad); color: var(--card) }
.grave:hover { background: var(--bad); border-color: var(--text) }

.bar { border-bottom: 1px solid var(--line); background: var(--card) }
.bar > div { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem; max-width: 60rem; margin: 0 auto; padding: .75rem 1.5rem }
.brand { display: flex; align-items: center; gap: .625rem; font-weight: 650; letter-spacing: -.01em }
.brand svg { color: var(--accent) }
.person { flex: 1 1 12rem; min-width: 0; text-align: right; font-size: .9375rem; line-height: 1.35 }
.person small { display: block; color: var(--soft); font-size: .8125rem }
.wide { max-width: 60rem; margin: 0 auto; padding: 2.25rem 1.5rem 3rem }
.intro { display: flex; flex-wrap: wrap; align-items: end; justify-content: space-between; gap: 1rem; margin-bottom: 1.5rem }
.intro p { max-width: 38rem; margin-top: .375rem; color: var(--soft) }
.note { margin-top: 1.5rem; color: var(--soft); font-size: .875rem }

.notice { display: flex; gap: .75rem; margin-bottom: 1.25rem; padding: 1rem 1.125rem; border: 1px solid currentColor;
  border-color: color-mix(in srgb, currentColor 28%, transparent); border-radius: .875rem }
.notice > div { flex: 1; min-width: 0 }
.notice h2 { font-size: 1rem; font-weight: 650 }
.notice p { color: var(--text) }
.notice p + p { margin-top: .25rem }
.notice .facts { margin-top: .5rem; color: var(--text) }
.notice .actions { margin-top: .75rem }
.notice svg { margin-top: calc((1.5rem - 20px) / 2) }
.ok { color: var(--ok); background: var(--ok-back) }
.warn { color: var(--warn); background: var(--warn-back) }
.bad { color: var(--bad); background: var(--bad-back) }
.plain { color: var(--plain); background: var(--plain-back) }

.notice.plain { background: var(--card) }

.services { display: grid; gap: .75rem }
.service { display: grid; grid-template-columns: 2.75rem minmax(0, 1fr) auto; gap: 0 1rem; align-items: center; padding: 1.125rem 1.25rem;
  background: var(--card); border: 1px solid var(--line); border-radius: .875rem; box-shadow: var(--shadow) }
.mark { display: grid; place-items: center; width: 2.75rem; height: 2.75rem; border-radius: .75rem; font-size: 1.125rem; font-weight: 650 }
.hue0 { background: #dfe6ff; color: #24409f } .hue1 { background: #d9f1e4; color: #0d5c36 } .hue2 { background: #fbe6cf; color: #7a4106 }
.hue3 { background: #f0e0fb; color: #642296 } .hue4 { background: #fbdfe6; color: #94173f } .hue5 { background: #d6eef5; color: #0c5468 }
@media (prefers-color-scheme: dark) {
  .hue0 { background: #232d57; color: #bccaff } .hue1 { background: #153824; color: #9be6bd } .hue2 { background: #422b10; color: #f7cd99 }
  .hue3 { background: #36204a; color: #dfbcf8 } .hue4 { background: #481a2a; color: #ffb8cb } .hue5 { background: #10343f; color: #9edff0 }
}
.name { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem .625rem }
.name h2 { font-size: 1.0625rem; line-height: 1.3; font-weight: 650 }
.state { display: inline-flex; align-items: center; gap: .375rem; padding: .0625rem .5625rem .0625rem .4375rem; border-radius: 99rem;
  font-size: .8125rem; font-weight: 600; line-height: 1.5; white-space: nowrap }
.summary { color: var(--soft); font-size: .9375rem }
.more { grid-column: 2 / -1; margin-top: .75rem; padding-top: .75rem; border-top: 1px solid var(--line) }
.why { margin-bottom: .625rem; font-size: .9375rem }
.facts { display: flex; flex-wrap: wrap; gap: .625rem 2rem }
.facts > div { min-width: 0 }
dt { color: var(--soft); font-size: .8125rem; line-height: 1.35 }
dd { font-size: .9375rem }
details summary { width: fit-content; color: var(--text); font-size: .9375rem; cursor: pointer; border-radius: .25rem }
.scopes { display: flex; flex-wrap: wrap; gap: .3125rem; padding: .375rem 0 .125rem }
.scopes li { padding: 0 .4375rem; border-radius: .375rem; background: var(--plain-back); color: var(--plain) }
.actions { display: flex; flex-wrap: wrap; gap: .5rem }
.service > .actions { justify-content: flex-end }

.narrow { display: grid; place-items: center; min-height: 100vh; min-height: 100dvh; padding: 1.5rem }
.narrow main { width: 100%; max-width: 29rem; padding: 2.25rem 2rem 2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 1.125rem; box-shadow: var(--shadow) }
.narrow h1 { margin-bottom: .5rem; font-size: 1.5rem }
.narrow .facts { display: grid; gap: .75rem; margin: 1.25rem 0; padding: 1rem 1.125rem; border-radius: .75rem; background: var(--page) }
.narrow .actions { margin-top: 1.5rem }
.badge { display: grid; place-items: center; width: 3.25rem; height: 3.25rem; margin-bottom: 1.25rem; border-radius: 50% }
.next { color: var(--soft) }
.next + .next { margin-top: .5rem }

.gone { margin: 0 }
.ended .gone { position: sticky; top: 0; padding: .75rem 1.5rem; background: var(--warn-back); color: var(--warn); text-align: center; font-weight: 600 }
.ended button, .ended .button { display: none !important }

@media (max-width: 40rem) {
  .bar > div, .wide { padding-left: min(1rem, 4vw); padding-right: min(1rem, 4vw) }
  .wide { padding-top: 1.5rem }
  .person { order: 1; flex-basis: 100%; text-align: left }
  .bar form { margin-left: auto }
  .intro .actions, .intro .actions form, .intro .actions button { width: 100% }
  .service { display: flex; flex-wrap: wrap; gap: .5rem 1rem; padding: min(1rem, 4vw) }
  .service > :nth-child(2) { flex: 1 1 9rem; min-width: 0 }
  .service > .actions, .more { flex: 1 1 100%; min-width: 0 }
  .service > .actions { justify-content: stretch; margin-top: .375rem }
  .notice { gap: min(.75rem, 3vw); padding-left: min(1.125rem, 3vw); padding-right: min(1.125rem, 3vw) }
  .state, button, .button { white-space: normal }
  h1 { font-size: min(1.625rem, 13vw) }
  .narrow h1 { font-size: min(1.5rem, 12vw) }
  .actions > form, .actions > .button { flex: 1 1 7rem; display: grid }
  button, .button { min-height: 2.75rem; padding-left: min(.875rem, 3vw); padding-right: min(.875rem, 3vw) }
  .narrow { padding: min(1rem, 4vw); align-items: start }
  .narrow main { padding: 1.75rem min(1.25rem, 5vw) 1.5rem; min-width: 0 }
  .facts { display: grid }
}
@media (forced-colors: active) { .state, .notice, .mark { border: 1px solid } }
`;
