/**
 * The pages that a person sees at the identity provider and at the services. Plain HTML forms, no
 * script, light and dark, usable on a phone. The scripted browser reads them by three conventions:
 * `data-page` on the form names the page, a sign-in button is `name="person"` with the person's short
 * name, somebody without one is named in `name="another"`, the consent buttons are `name="decision"` with `allow` or `deny`, and a code is entered in
 * `name="user_code"`.
 */

/** Whose page it is. */
export interface Brand {
  readonly title: string;
  /** Prefix of `data-page`, so that a browser can deny at the service and not at the sign-in. */
  readonly kind: 'identity' | 'service';
  readonly colour: string;
}

/** One button of the sign-in page. */
export interface Choice {
  readonly person: string;
  readonly name: string;
  readonly detail: string;
}

const style = `
:root { color-scheme: light dark; --page: #f4f4f6; --card: #fff; --text: #1c1c22; --soft: #5d5d6b; --line: #d9d9e0; }
@media (prefers-color-scheme: dark) {
  :root { --page: #141418; --card: #1f1f26; --text: #ececf1; --soft: #a5a5b4; --line: #3a3a46; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--page);
  color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 26rem; padding: 2rem 1.5rem; background: var(--card); border: 1px solid var(--line);
  border-top: 4px solid var(--brand); border-radius: 10px; overflow-wrap: anywhere; }
.brand { margin: 0 0 1rem; color: var(--soft); font-size: .875rem; }
h1 { margin: 0 0 .5rem; font-size: 1.375rem; line-height: 1.25; }
p { margin: 0 0 1rem; }
dl { margin: 0 0 1.25rem; }
dt { color: var(--soft); font-size: .8125rem; }
dd { margin: 0 0 .625rem; }
form { display: grid; gap: .625rem; }
label { color: var(--soft); font-size: .8125rem; }
input { width: 100%; padding: .75rem 1rem; border: 1px solid var(--line); border-radius: 8px; background: transparent;
  color: inherit; font: inherit; letter-spacing: .1em; text-transform: uppercase; }
button { display: block; width: 100%; padding: .75rem 1rem; border: 1px solid var(--line); border-radius: 8px;
  background: transparent; color: inherit; font: inherit; text-align: left; cursor: pointer; }
button:hover { border-color: var(--brand); }
button:focus-visible, input:focus-visible { outline: 3px solid var(--brand); outline-offset: 2px; }
button small { display: block; color: var(--soft); }
.allow, .deny { text-align: center; }
.allow { border-color: var(--brand); background: var(--brand); color: #fff; font-weight: 600; }
`;

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

function page(brand: Brand, title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} · ${escapeHtml(brand.title)}</title>
<style>:root { --brand: ${brand.colour}; }${style}</style>
</head>
<body>
<main>
<p class="brand">${escapeHtml(brand.title)} · sandbox</p>
<h1>${escapeHtml(title)}</h1>
${body}
</main>
</body>
</html>
`;
}

/** Asks who is there. No password: the sandbox trusts whoever sits in front of it. */
export function signInPage(
  brand: Brand,
  request: { action: string; client: string; choices: readonly Choice[]; others: boolean },
): string {
  const buttons = request.choices.map(
    ({ person, name, detail }) =>
      `<button name="person" value="${escapeHtml(person)}">${escapeHtml(name)}<small>${escapeHtml(detail)}</small></button>`,
  );
  const another =
    '<label for="another">Another account</label>\n<input id="another" name="another" autocomplete="off">';
  return page(
    brand,
    'Choose an account',
    `<p>to continue to <strong>${escapeHtml(request.client)}</strong></p>
<form method="post" action="${escapeHtml(request.action)}" data-page="${brand.kind}-sign-in">
${[...buttons, ...(request.others ? [another] : [])].join('\n')}
</form>`,
  );
}

/** Asks whether a client may act for the account, naming client, account, permissions and where the answer goes. */
export function consentPage(
  brand: Brand,
  request: {
    action: string;
    client: string;
    clientId: string;
    account: string;
    scopes: readonly string[];
    returnsTo: string;
  },
): string {
  const scopes = request.scopes.length > 0 ? request.scopes.join(', ') : 'everything the account may do';
  return page(
    brand,
    `Allow ${request.client}?`,
    `<dl>
<dt>Account</dt><dd>${escapeHtml(request.account)}</dd>
<dt>Client</dt><dd>${escapeHtml(request.client)} <small>(${escapeHtml(request.clientId)})</small></dd>
<dt>Permissions</dt><dd>${escapeHtml(scopes)}</dd>
<dt>Returns to</dt><dd>${escapeHtml(request.returnsTo)}</dd>
</dl>
<form method="post" action="${escapeHtml(request.action)}" data-page="${brand.kind}-consent">
<button class="allow" name="decision" value="allow">Allow</button>
<button class="deny" name="decision" value="deny">Deny</button>
</form>`,
  );
}

/** Asks for the code that is shown elsewhere (RFC 8628 section 3.3). */
export function codePage(brand: Brand, request: { action: string; xsrf: string; problem: string | undefined }): string {
  const { action, xsrf, problem } = request;
  const hidden = Object.entries({ xsrf, confirm: 'yes' }).map(
    ([name, value]) => `<input type="hidden" name="${name}" value="${escapeHtml(value)}">`,
  );
  return page(
    brand,
    'Enter the code',
    `<p>${problem === undefined ? 'It is shown where you want to connect.' : `<strong>${escapeHtml(problem)}</strong>`}</p>
<form method="post" action="${escapeHtml(action)}" data-page="${brand.kind}-code">
${hidden.join('\n')}
<label for="code">Code</label>
<input id="code" name="user_code" autocomplete="off" spellcheck="false">
<button class="allow">Continue</button>
</form>`,
  );
}

/** Says that the code was accepted; everything else happens where it is shown. */
export function codeAcceptedPage(brand: Brand): string {
  return page(brand, 'Allowed', '<p>Go back to where the code is shown.</p>');
}

/** Says why an authorization request could not even be sent back to the client that made it. */
export function errorPage(brand: Brand, error: string, description: string): string {
  return page(
    brand,
    'This request cannot go on',
    `<p><strong>${escapeHtml(error)}</strong></p>\n<p>${escapeHtml(description)}</p>`,
  );
}

/** Sent with every page: nothing but its own style may load, nobody may frame it, nothing is kept. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
  'referrer-policy': 'same-origin',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
};
