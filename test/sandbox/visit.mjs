import { request } from 'node:http';

/** More redirects than this in one visit mean that two servers play ping-pong. */
const maxRequests = 30;

/**
 * Opens a URL as a browser would and plays the person in front of it: presses the button of the
 * person on a sign-in page, allow (or deny) on a consent page, and enters a code once, until a page
 * has nothing left to press. `node:http` instead of fetch, because fetch adds `Sec-Fetch-*` headers of its own that no
 * navigation would send.
 */
export async function visit(url, options = {}) {
  const {
    person = 'ada',
    account = person,
    deny = false,
    code,
    unreachable,
    comesBack = true,
    begun,
    timeoutMs = 30_000,
  } = options;
  const signal = AbortSignal.timeout(timeoutMs);
  const cookies = createCookies();
  if (begun !== undefined) cookies.keep(new URL(begun.redirectUri), [begun.headers.cookie]);
  const passed = [];
  let unentered = code;
  let callback;
  let step = { url: new URL(url), method: 'GET', form: undefined, from: undefined, site: 'none' };

  for (let requests = 0; requests < maxRequests; requests += 1) {
    passed.push(step.url.href);
    callback ??= step.url.searchParams.get('redirect_uri') ?? undefined;
    const page = { ...(await send(step, cookies, signal)), passed };
    const { location } = page.headers;
    if (page.status >= 300 && page.status < 400 && location !== undefined) {
      // A navigation stays "started elsewhere" through its redirects, and a 303 turns POST into GET.
      const target = new URL(location, step.url);
      const stop = comesBack ? unreachable : callback;
      if (stop !== undefined && target.href.startsWith(stop)) {
        return { ...page, url: target.href, cookie: cookies.for(target) };
      }
      step = { ...step, url: target, method: 'GET', form: undefined, site: worseSite(step.site, step.from, target) };
      continue;
    }
    const pressed = enter(page, unentered) ?? press(page, { person, account, deny });
    if (pressed === undefined) return { ...page, url: step.url.href, cookie: cookies.for(step.url) };
    if (pressed.entered) unentered = undefined;
    const target = new URL(pressed.action, step.url);
    step = {
      url: target,
      method: 'POST',
      form: pressed.form,
      from: step.url.origin,
      site: worseSite(undefined, step.url.origin, target),
    };
  }
  throw new Error(`gave up after ${maxRequests} requests`);
}

function send({ url, method, form, from, site }, cookies, signal) {
  const headers = {
    accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'accept-language': 'en',
    'user-agent': 'Mozilla/5.0 (sandbox browser)',
    'sec-fetch-dest': 'document',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-site': site,
    'sec-fetch-user': '?1',
    'upgrade-insecure-requests': '1',
    connection: 'close',
  };
  const cookie = cookies.for(url);
  if (cookie !== '') headers.cookie = cookie;
  if (form !== undefined) {
    headers['content-type'] = 'application/x-www-form-urlencoded';
    headers['content-length'] = Buffer.byteLength(form);
    headers.origin = from;
  }

  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, signal, agent: false }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        cookies.keep(url, response.headers['set-cookie'] ?? []);
        resolve({
          status: response.statusCode,
          headers: response.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        });
      });
    });
    sent.on('error', reject);
    sent.end(form);
  });
}

/** `Sec-Fetch-Site` of the next request: the most foreign relation along the way counts. */
function worseSite(before, from, to) {
  if (from === undefined) return 'none';
  const source = new URL(from);
  const order = ['same-origin', 'same-site', 'cross-site'];
  const now = source.origin === to.origin ? 0 : source.hostname === to.hostname ? 1 : 2;
  return order[Math.max(now, order.indexOf(before))];
}

/** Presses one button of the page's form, if the page has one. */
function press(page, { person, account, deny }) {
  const form = /<form method="post" action="([^"]*)" data-page="(\w+)-(sign-in|consent)">(.*?)<\/form>/s.exec(
    page.body,
  );
  if (form === null) return undefined;
  const [, action, kind, asks, body] = form;
  const wanted =
    asks === 'sign-in'
      ? { name: 'person', value: kind === 'service' ? account : person }
      : { name: 'decision', value: deny && kind === 'service' ? 'deny' : 'allow' };
  if (asks === 'sign-in' && !body.includes(`value="${wanted.value}"`) && body.includes('name="another"')) {
    return { action: unescapeHtml(action), form: new URLSearchParams({ another: wanted.value }).toString() };
  }
  if (!body.includes(`name="${wanted.name}" value="${wanted.value}"`)) {
    throw new Error(`the page has no button for ${wanted.name} ${JSON.stringify(wanted.value)}`);
  }
  return { action: unescapeHtml(action), form: new URLSearchParams({ [wanted.name]: wanted.value }).toString() };
}

/** Enters the code where the page asks for one; a second page that asks has turned it away, and is left alone. */
function enter(page, code) {
  const form = /<form method="post" action="([^"]*)" data-page="(?:service|identity)-code">(.*?)<\/form>/s.exec(
    page.body,
  );
  if (form === null || code === undefined) return undefined;
  const [, action, body] = form;
  const fields = new URLSearchParams({ user_code: code });
  for (const [, name, value] of body.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)">/g)) {
    fields.set(name, unescapeHtml(value));
  }
  return { action: unescapeHtml(action), form: fields.toString(), entered: true };
}

function unescapeHtml(text) {
  return text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
}

/** A cookie jar that, like a browser's, knows hosts and paths but not ports. */
function createCookies() {
  const kept = new Map();
  return {
    keep(url, lines) {
      for (const line of lines) {
        const [pair = '', ...attributes] = line.split(/;\s*/);
        const separator = pair.indexOf('=');
        const name = pair.slice(0, separator);
        const attribute = (wanted) =>
          attributes.find((each) => each.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1);
        const path = attribute('path') ?? '/';
        const expires = attribute('expires');
        const lasts = attribute('max-age');
        const key = `${url.hostname} ${path} ${name}`;
        if (lasts === '0' || (expires !== undefined && Date.parse(expires) <= Date.now())) kept.delete(key);
        else kept.set(key, { host: url.hostname, path, pair });
      }
    },
    for(url) {
      return [...kept.values()]
        .filter(({ host, path }) => host === url.hostname && underPath(url.pathname, path))
        .map(({ pair }) => pair)
        .join('; ');
    },
  };
}

function underPath(path, cookiePath) {
  if (!path.startsWith(cookiePath)) return false;
  return cookiePath.endsWith('/') || path.length === cookiePath.length || path[cookiePath.length] === '/';
}
