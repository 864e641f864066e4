/** How well somebody signed in, and whether that is enough (RFC 9470, OpenID Connect Core section 2). Pure. */
import { clock } from '../clock/clock.ts';
import type { Requirement } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';
import type { Assurance, Principal } from './principal.ts';

/** Clocks differ: so much later a sign-in still counts as recent enough, in seconds, unless the configuration says more. */
export const clockSkewSeconds = 60;

/** How far clocks may be apart in seconds, as the configuration says it. */
export function clockMarginOf({ clock_margin: margin }: { clock_margin?: string | undefined }): number {
  return margin === undefined ? clockSkewSeconds : secondsOf(margin);
}

/** What verified claims say of the sign-in. Values of another type say nothing. */
export function assuranceOf(claims: Readonly<Record<string, unknown>>, marginSeconds?: number): Assurance {
  const { acr, amr, auth_time: authTime } = claims;
  const methods = typeof amr === 'string' && /^[\w.:/-]+$/.test(amr) ? [amr] : amr;
  return {
    // A level that is a number is written as one by some; it can be meant in one way only.
    acr: typeof acr === 'number' && Number.isSafeInteger(acr) ? String(acr) : typeof acr === 'string' ? acr : undefined,
    amr: Array.isArray(methods) ? methods.filter((method) => typeof method === 'string') : [],
    authTime: timeIn(authTime),
    ...(marginSeconds !== undefined && { marginSeconds }),
  };
}

/** The same as the record has it beside who somebody is; what was not said is left out. */
export function signInOf({ acr, amr, authTime }: Assurance): {
  acr?: string;
  amr?: readonly string[];
  auth_time?: number;
} {
  // Rounded to the time before, so that nobody seems to have signed in later than they did.
  const seconds = authTime === undefined ? Number.NaN : Math.floor(authTime);
  return {
    ...(acr !== undefined && { acr }),
    ...(amr.length > 0 && { amr }),
    ...(Number.isSafeInteger(seconds) && { auth_time: seconds }),
  };
}

/** A time in a claim, in seconds since 1970. AD FS writes it in ISO 8601; a zone has to be in it, else nobody knows which is meant. */
function timeIn(claim: unknown): number | undefined {
  // 0 is how some providers say that they do not know; nobody signed in in 1970.
  if (typeof claim === 'number') return Number.isFinite(claim) && claim !== 0 ? claim : undefined;
  if (typeof claim !== 'string') return undefined;
  if (/^[1-9]\d{8,10}$/.test(claim)) return Number(claim);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(claim)) return undefined;
  const milliseconds = Date.parse(claim);
  return Number.isNaN(milliseconds) ? undefined : milliseconds / 1000;
}

/** One requirement that asks for all that several ask for. Throws `config_invalid` where nothing could fulfil it. */
export function allOf(requirements: readonly (Requirement | undefined)[]): Requirement {
  const wanted = requirements.filter((each) => each !== undefined);
  const contexts = wanted.flatMap(({ acr }) => (acr === undefined ? [] : [acr]));
  const acr = contexts[0]?.filter((value) => contexts.every((values) => values.includes(value)));
  if (acr?.length === 0) {
    throw new AppError('config_invalid', 'no sign-in could show what is required: no acr is in all of the lists', {
      hint: 'compare require in interface.yaml with that of the agent and of its services',
    });
  }
  const amr = [...new Set(wanted.flatMap((each) => each.amr ?? []))];
  const ages = wanted.flatMap(({ max_age: age }) => (age === undefined ? [] : [age]));
  const shortest = ages.toSorted((a, b) => secondsOf(a) - secondsOf(b))[0];
  return {
    ...(acr !== undefined && { acr }),
    ...(amr.length > 0 && { amr }),
    ...(shortest !== undefined && { max_age: shortest }),
  };
}

/** Why a sign-in is not enough, or undefined where it is. */
export function unmet(assurance: Assurance, { acr, amr, max_age: age }: Requirement, now: Date): string | undefined {
  if (acr !== undefined && (assurance.acr === undefined || !acr.includes(assurance.acr))) {
    const shown = assurance.acr === undefined ? 'no acr' : `acr ${quote(assurance.acr)}`;
    return `it shows ${shown}, and required is ${acr.map((value) => quote(value)).join(' or ')}`;
  }
  const missing = (amr ?? []).filter((method) => !assurance.amr.includes(method));
  if (missing.length > 0) return `its amr does not name ${missing.map((method) => quote(method)).join(', ')}`;
  if (age === undefined) return undefined;
  if (assurance.authTime === undefined) return 'it does not say when the person signed in (auth_time)';
  const seconds = now.getTime() / 1000 - assurance.authTime;
  const { marginSeconds = clockSkewSeconds } = assurance;
  return seconds > secondsOf(age) + marginSeconds ? `the person signed in more than ${age} ago` : undefined;
}

/**
 * Throws `assurance_missing` unless a proven person signed in well enough. An identity without a sign-in shows nothing.
 *
 * @param command what signs the person in the way that is required, for the hint
 */
export function requireAssurance(principal: Principal, requirement: Requirement | undefined, command?: string): void {
  if (requirement === undefined) return;
  const shown = principal.assurance ?? { acr: undefined, amr: [], authTime: undefined };
  const why = unmet(shown, requirement, clock.now());
  if (why !== undefined) throw assuranceMissing(why, command);
}

/** The refusal of a sign-in that is good, but not good enough. */
export function assuranceMissing(why: string, command?: string): AppError {
  const hint = command === undefined ? {} : { hint: `sign in the way that is required: ${command}` };
  return new AppError('assurance_missing', `the sign-in is not enough: ${why}`, hint);
}

/** The parameters of an authorization request that ask for it (OpenID Connect Core section 3.1.2.1). amr cannot be asked for. */
export function askFor({ acr, max_age: age }: Requirement): Record<string, string> {
  return {
    ...(acr !== undefined && { acr_values: acr.join(' ') }),
    ...(age !== undefined && { max_age: String(secondsOf(age)) }),
  };
}

const unitSeconds = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** The seconds of "30m", "12h" or "7d". */
export function secondsOf(time: string): number {
  return Number(time.slice(0, -1)) * unitSeconds[time.slice(-1) as keyof typeof unitSeconds];
}
