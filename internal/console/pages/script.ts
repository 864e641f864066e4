/**
 * The one script of the console's pages; a constant, so that its digest can stand in the policy. Everything works without
 * it, but for what only a script can know: that a page came back from the past.
 *
 * - What the browser keeps of a page that is left shows nothing: whoever comes back sees it as it is now.
 */
export const pagesScript = `(() => {
addEventListener('pagehide', () => { document.body.hidden = true; });
addEventListener('pageshow', ({ persisted }) => { if (persisted) location.reload(); });
})()`;
