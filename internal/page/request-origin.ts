/**
 * Judges where a request comes from. Pure. Any page in any tab can send requests to this machine; what the browser says
 * about them tells the person's own clicks apart (Fetch metadata, RFC 6454). What it does not say is not held against it:
 * text browsers say neither, and what they send is known by the token in the form.
 */

export type RequestHeaders = Pick<Headers, 'get'>;

/** The status to refuse with, or undefined where the request is let through. */
export type Refusal = 403 | 415 | undefined;

/**
 * Somebody goes to a page: by a click, a redirect or the address bar, from anywhere; nothing is embedded or fetched. Some
 * engines keep the origin of a form through the redirects behind it, or say `null` once these lead through another place.
 */
export function judgeVisit(headers: RequestHeaders, origin: string): Refusal {
  const [destination, mode] = [headers.get('sec-fetch-dest'), headers.get('sec-fetch-mode')];
  if (destination !== null && destination !== 'document') return 403;
  if (mode !== null && mode !== 'navigate') return 403;
  return [null, 'null', origin].includes(headers.get('origin')) ? undefined : 403;
}

/** A page of ours says that it is still there. */
export function judgeSignOfLife(headers: RequestHeaders, origin: string): Refusal {
  const [site, from] = [headers.get('sec-fetch-site'), headers.get('origin')];
  if (site !== null && site !== 'same-origin') return 403;
  return from === null || from === origin ? undefined : 403;
}

/** A form of ours was sent, by a click in this very page. A browser that says where a form comes from says this page. */
export function judgeAct(headers: RequestHeaders, origin: string): Refusal {
  if (![null, origin].includes(headers.get('origin'))) return 403;
  const site = headers.get('sec-fetch-site');
  if (site !== null && site !== 'same-origin') return 403;
  const [destination, mode] = [headers.get('sec-fetch-dest'), headers.get('sec-fetch-mode')];
  if (destination !== null && destination !== 'document') return 403;
  if (mode !== null && mode !== 'navigate') return 403;
  const type = headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  return type === 'application/x-www-form-urlencoded' ? undefined : 415;
}
