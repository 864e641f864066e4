/** Whether a setting counts as a session begins: its `when`. Pure; hours and days are those of Intl in the zone named. */
import type { When } from '../config/definitions.ts';
import { unmet } from '../identity/assurance.ts';
import type { Principal } from '../identity/principal.ts';
import { quote } from '../text/quote.ts';

/** What conditions look at. */
export interface Circumstances {
  principal: Principal;
  now: Date;
  /** The name of the environment that the session runs in. */
  environment: string;
}

/** Why a condition does not hold, in words; undefined where it does, or where there is none. */
export function whyNotNow(when: When | undefined, { principal, now, environment }: Circumstances): string | undefined {
  if (when === undefined) return undefined;
  const { hours, assurance, groups, environments } = when;
  if (hours !== undefined && !hours.some((each) => isWithin(each, now))) {
    const zones = [...new Set(hours.map(({ time_zone: zone }) => zone))];
    return `hours: it is ${zones.map((zone) => spoken(zone, now)).join(', ')}`;
  }
  if (assurance !== undefined) {
    const shown = principal.assurance ?? { acr: undefined, amr: [], authTime: undefined };
    const why = unmet(shown, assurance, now);
    if (why !== undefined) return `assurance: of the sign-in, ${why}`;
  }
  if (groups !== undefined && !groups.some((group) => principal.groups.includes(group))) {
    return `groups: in none of ${groups.map(quote).join(', ')}`;
  }
  if (environments !== undefined && !environments.includes(environment)) {
    return `environments: the session runs in ${quote(environment)}`;
  }
  return undefined;
}

type Hours = NonNullable<When['hours']>[number];

/** Whether an instant lies in some hours of a day. */
export function isWithin({ days, from, to, time_zone: zone }: Hours, now: Date): boolean {
  const local = localTime(zone, now);
  // Times of one length compare as text. Until "24:00" is until the day ends.
  return local !== undefined && days.some((day) => day === local.day) && from <= local.time && local.time < to;
}

function spoken(zone: string, now: Date): string {
  const local = localTime(zone, now);
  return local === undefined ? 'no time that can be told' : `${local.day} ${local.time} in ${zone}`;
}

/** Making one costs far more than using it. */
const formats = new Map<string, Intl.DateTimeFormat>();

/** Day and time in a zone; undefined for a date that is none. */
function localTime(zone: string, now: Date): { day: string; time: string } | undefined {
  if (Number.isNaN(now.getTime())) return undefined;
  const format =
    formats.get(zone) ??
    new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
  formats.set(zone, format);
  const parts = new Map(format.formatToParts(now).map(({ type, value }) => [type, value]));
  return { day: (parts.get('weekday') ?? '').toLowerCase(), time: `${parts.get('hour')}:${parts.get('minute')}` };
}
