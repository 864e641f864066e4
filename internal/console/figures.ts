/** Counts for whoever watches a console, in the text format of Prometheus. Nobody is named in them. */

/** What is counted. */
export interface Figures {
  answered(route: string, status: number, seconds: number): void;
  ended(useCase: string, code: string): void;
  /** A delivery of the platform, and what became of it. */
  delivered(outcome: 'taken' | 'again' | 'refused' | 'unread'): void;
  /** Something happened that no act of ours explains. */
  alarmed(event: string): void;
  /** A notice to the receiver of the configuration, and what became of it. */
  noticed(outcome: 'told' | 'refused' | 'lost'): void;
  /** All of it, with what is so right now. */
  text(now: Readonly<Record<string, number>>): string;
}

const limits = [0.005, 0.025, 0.1, 0.5, 2.5, 10];

/** Nothing counted yet. Routes and codes are closed lists, so that nobody can make the counts grow. */
export function figures(): Figures {
  const requests = new Map<string, number>();
  const runs = new Map<string, number>();
  const deliveries = new Map<string, number>();
  const notices = new Map<string, number>();
  const alarms = new Map<string, number>();
  const within = limits.map(() => 0);
  let [seconds, count] = [0, 0];
  const add = (map: Map<string, number>, labels: string) => map.set(labels, (map.get(labels) ?? 0) + 1);
  return {
    answered(route, status, took) {
      add(requests, `route="${route}",status="${status}"`);
      seconds += took;
      count += 1;
      for (const [index, limit] of limits.entries()) if (took <= limit) within[index] = (within[index] ?? 0) + 1;
    },
    ended: (useCase, code) => void add(runs, `use_case="${useCase}",code="${code}"`),
    delivered: (outcome) => void add(deliveries, `outcome="${outcome}"`),
    noticed: (outcome) => void add(notices, `outcome="${outcome}"`),
    alarmed: (event) => void add(alarms, `event="${event}"`),
    text(now) {
      const family = (name: string, kind: string, lines: string[]) => [`# TYPE ${name} ${kind}`, ...lines];
      const labelled = (name: string, map: Map<string, number>) =>
        [...map].map(([labels, value]) => `${name}{${labels}} ${value}`);
      return [
        ...family('console_requests_total', 'counter', labelled('console_requests_total', requests)),
        ...family('console_runs_total', 'counter', labelled('console_runs_total', runs)),
        ...family('console_deliveries_total', 'counter', labelled('console_deliveries_total', deliveries)),
        ...family('console_notices_total', 'counter', labelled('console_notices_total', notices)),
        ...family('console_alarms_total', 'counter', labelled('console_alarms_total', alarms)),
        ...family('console_head_seconds', 'histogram', [
          ...limits.map((limit, index) => `console_head_seconds_bucket{le="${limit}"} ${within[index]}`),
          `console_head_seconds_bucket{le="+Inf"} ${count}`,
          `console_head_seconds_sum ${seconds}`,
          `console_head_seconds_count ${count}`,
        ]),
        ...Object.entries(now).flatMap(([name, value]) =>
          family(`console_${name}`, 'gauge', [`console_${name} ${value}`]),
        ),
        '',
      ].join('\n');
    },
  };
}
