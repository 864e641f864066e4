/**
 * The one script of the console's pages; a constant, so that its digest can stand in the policy. Everything works without
 * it, but for what only a script can know: that a page came back from the past, that something has moved on.
 *
 * - What the browser keeps of a page that is left shows nothing: whoever comes back sees it as it is now.
 * - Of all tabs one holds the stream (a lock of the browser decides which) for what all of them show, and tells the others: a
 *   browser has six connections for one place. It is held anew when it was silent for too long, and after an answer that an
 *   EventSource takes for the end, at first at once and then more and more slowly.
 * - What is shown at first as it was a while ago is shown as it is now once that is known: what is the same stays where it is.
 * - A session changes where it stands: only when it is another, and without taking the focus away. What the agent says is
 *   there as it is said.
 */
export const pagesScript = `(() => {
addEventListener('pagehide', () => { document.body.hidden = true; });
addEventListener('pageshow', ({ persisted }) => { if (persisted) location.reload(); });
const bare = (part) => {
  const copy = part.cloneNode(true);
  for (const word of copy.querySelectorAll('input[type=hidden]')) word.remove();
  return copy.innerHTML;
};
const controls = (part) => [...part.querySelectorAll('a, button, summary')];
const renew = (old, now) => {
  if (bare(old) === bare(now)) return;
  const at = controls(old).indexOf(document.activeElement);
  old.replaceWith(now);
  controls(now)[at]?.focus();
};
const late = document.querySelector('[data-late]');
if (late) fetch(late.dataset.late, { redirect: 'error' }).then(async (answer) => {
  if (answer.status === 401 || answer.status === 403) location.reload();
  if (!answer.ok) return;
  const now = new DOMParser().parseFromString(await answer.text(), 'text/html').body;
  const rows = [...late.querySelectorAll('li[id]')];
  const fresh = rows.map(({ id }) => now.querySelector('#' + CSS.escape(id)));
  const isSame = rows.length > 0 && rows.length === now.querySelectorAll('li[id]').length && !fresh.includes(null);
  if (isSame) rows.forEach((row, at) => renew(row, fresh[at]));
  if (isSame) late.querySelector('[role=status]').textContent = now.querySelector('[role=status]').textContent;
  else renew(late, Object.assign(document.createElement('div'), { innerHTML: now.innerHTML }));
}).catch(() => {});
const live = document.getElementById('live');
const inbox = document.querySelector('[data-approvals]');
if ((!live && !inbox) || !window.EventSource || !window.BroadcastChannel) return;
for (const refresh of document.querySelectorAll('noscript')) refresh.remove();
const me = Math.random().toString(36).slice(2);
const mine = { tab: me, session: live?.dataset.session, approvals: inbox !== null };
const channel = new BroadcastChannel('console');
let fetching = false;
const fetchNow = async (as) => {
  if (fetching || live.dataset.as === as) return;
  fetching = true;
  try {
    const answer = await fetch(live.dataset.now, { redirect: 'error' });
    if (!answer.ok) { if (answer.status !== 429) location.reload(); return; }
    const text = await answer.text();
    const focused = live.contains(document.activeElement) ? document.activeElement : undefined;
    if (focused && focused.value) return;
    live.innerHTML = text;
    live.dataset.as = answer.headers.get('x-as');
    if (focused?.id) document.getElementById(focused.id)?.focus();
  } catch { /* The stream says so again. */ } finally { fetching = false; }
};
const hear = (said) => {
  if (said.waits && inbox && !document.getElementById(said.waits) && !inbox.contains(document.activeElement)) location.reload();
  if (!live || said.session !== mine.session) return;
  if (said.as) fetchNow(said.as);
  if (said.text) {
    const place = document.getElementById('said-now');
    if (place) { place.hidden = false; place.textContent += said.text; }
  }
};
let lead;
channel.onmessage = ({ data }) => {
  if (data.said) hear(data.said);
  if (data.ask) channel.postMessage({ tab: mine });
  if (data.tab) lead?.(data.tab);
  if (data.left) lead?.(undefined, data.left);
};
const hold = () => new Promise((release) => {
  const tabs = new Map([[me, mine]]);
  let source, address, wait, silence, failures = 0;
  const close = () => { source?.close(); clearTimeout(wait); clearTimeout(silence); };
  const heard = () => { clearTimeout(silence); silence = setTimeout(() => open(true), 45000); };
  const open = (again) => {
    const query = new URLSearchParams();
    for (const { session } of tabs.values()) if (session && !query.getAll('session').includes(session)) query.append('session', session);
    if ([...tabs.values()].some(({ approvals }) => approvals)) query.set('approvals', '1');
    if (!again && address === query.toString()) return;
    close();
    address = query.toString();
    source = new EventSource('/events?' + address);
    heard();
    source.onopen = () => { document.documentElement.dataset.live = 'yes'; heard(); };
    source.onmessage = ({ data }) => {
      failures = 0;
      heard();
      const said = JSON.parse(data);
      hear(said);
      channel.postMessage({ said });
    };
    source.onerror = () => {
      document.documentElement.dataset.live = 'no';
      close();
      wait = setTimeout(() => open(true), Math.min(30000, 500 * 2 ** failures));
      failures += 1;
    };
  };
  lead = (tab, left) => {
    if (tab) tabs.set(tab.tab, tab); else tabs.delete(left);
    open(false);
  };
  addEventListener('pagehide', () => { close(); release(); });
  open(false);
  channel.postMessage({ ask: true });
});
addEventListener('pagehide', () => channel.postMessage({ left: me }));
channel.postMessage({ tab: mine });
if (navigator.locks) navigator.locks.request('console', hold).catch(() => {});
else hold();
})()`;
