/**
 * The one script of the pages; a constant, so that its digest can stand in the policy. Everything works without it, but for
 * what only a script can know: that the page has ended, that something moved on, that a page came back from the past.
 *
 * - Of all tabs one holds the connection that says that somebody is there (a lock of the browser decides which), and tells
 *   the others when it breaks: a browser has six connections for one place, and six tabs would take them all.
 * - After a few tries nobody asks a place any more that does not answer.
 * - A page that the browser kept while it was away is asked for anew: what it asks may have been answered.
 * - While something goes on, its words change where they stand, and the page is left when there is something to do.
 */
export const pageScript = `(() => {
const told = document.getElementById('ended');
const channel = 'BroadcastChannel' in window ? new BroadcastChannel('page') : undefined;
const show = (is) => {
  document.body.classList.toggle('ended', is);
  for (const button of document.querySelectorAll('button')) button.disabled = is;
  told.textContent = is ? 'This page has ended. Run service-connection again to go on.' : '';
};
const tell = (is) => { show(is); channel?.postMessage(is); };
if (channel) channel.onmessage = ({ data }) => show(data === true);
let leave = () => {};
const hold = () => new Promise((release) => {
  let failures = 0;
  const here = new EventSource('here');
  here.onopen = () => { failures = 0; tell(false); };
  here.onerror = () => { failures += 1; if (failures > 1) tell(true); if (failures > 4) here.close(); };
  leave = () => { here.close(); release(); };
});
if (navigator.locks) navigator.locks.request('page', hold).catch(() => {});
else hold();
addEventListener('pagehide', () => leave());
addEventListener('pageshow', ({ persisted }) => { if (persisted) location.reload(); });
const going = document.getElementById('going');
let lost = 0;
const look = async () => {
  if (document.visibilityState === 'visible') {
    try {
      const answer = await fetch('stage');
      if (answer.status === 204) return location.replace('flow');
      if (answer.ok) { const words = await answer.text(); if (going.textContent !== words) going.textContent = words; }
      lost = 0;
    } catch { lost += 1; }
    if (lost > 4) return show(true);
  }
  setTimeout(look, 1000);
};
if (going) setTimeout(look, 1000);
})()`;
