/** The catalogue as people look through it: services and tools, what was reviewed, and what waits, as a sheet with its ticks. */
import { clock } from '../../clock/clock.ts';
import type { Configuration, Service } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import { classified } from '../../policy/agent-says.ts';
import { cardLines, type Described } from '../../tool-review/card.ts';
import { readToolsLock } from '../../tool-review/lock.ts';
import { pinsOf } from '../../tool-review/pin.ts';
import type { ToolsLock } from '../../tool-review/pinned.ts';
import { digestIn, sheetHead, sheetPart, type Tick, ticksOf } from '../../tool-review/sheet.ts';
import type { Ports } from '../ports.ts';
import { loadProject } from '../project.ts';
import { readWaiting, servicesOf, type WaitingService } from '../tools-in-review.ts';
import type {
  Catalogue,
  CatalogueRequest,
  TickedSheet,
  TickSheetRequest,
  WaitingTools,
  WaitingToolsRequest,
} from '../values/catalogue.ts';

/** The services, with the tools of the one that is named. */
export async function showCatalogue({ service: name }: CatalogueRequest, ports: Ports): Promise<Catalogue> {
  const configuration = await loadProject(ports);
  const lock = await readToolsLock(configuration);
  const all = servicesOf(configuration, undefined);
  const [one] = name === undefined ? [] : servicesOf(configuration, name);
  return {
    services: all.map((service) => {
      const tools = toolsOf(service, lock, configuration);
      return {
        name: service.name,
        title: service.title ?? service.name,
        address: service.mcp_server_url,
        is_pinned: lock.has(service.name),
        read: service.tools.read.length,
        write: service.tools.write.length,
        destructive: service.tools.destructive.length,
        // What nobody lists is off anyway.
        off: tools.filter(({ listed, pin }) => listed && pin === 'off').length,
      };
    }),
    tools: one === undefined ? [] : toolsOf(one, lock, configuration),
  };
}

/** Every tool that the file of a service lists or its server did, with what its pin says. */
function toolsOf(service: Service, lock: ToolsLock, { services }: Configuration): Catalogue['tools'] {
  const pins = pinsOf(lock, services);
  const listed = classified(service);
  const names = new Set(listed.map(([tool]) => tool));
  const pinned = lock.get(service.name)?.tools;
  const others = [...(pinned?.keys() ?? [])].filter((tool) => !names.has(tool)).sort();
  return [...listed, ...others.map((tool) => [tool, null] as const)].map(([tool, kind]) => {
    const { verdict, reason, router } = pins.pinVerdict(service.name, tool);
    const review = pinned?.get(tool)?.review;
    return {
      tool,
      class: kind,
      listed: kind !== null,
      pin: verdict,
      reason,
      router: router?.shape ?? null,
      reviewed_by: review?.by.label ?? null,
      reviewed_at: review?.at ?? null,
    };
  });
}

/** How wide a card is: a phone shows it in two lines. */
const columns = 84;

/** What waits for a review, one by one, and what reads by all accounts, which one tick accepts. */
export async function listWaitingTools({ service }: WaitingToolsRequest, ports: Ports): Promise<WaitingTools> {
  const configuration = await loadProject(ports);
  const { services, moved, unpinned } = await readWaiting(configuration, service);
  return {
    services: services.map((each) => {
      const described: Described = new Map();
      const ticks = ticksIn(each);
      return {
        service: each.service.name,
        tools: each.others.map((reviewed) => {
          const own = ticks.filter(({ reviewed: of }) => of.length === 1 && of[0] === reviewed);
          const { change, counts, isListed, suspicions } = reviewed;
          return {
            tool: change.name,
            change: change.kind,
            counts_as: counts,
            is_listed: isListed,
            suspicions: suspicions.map(({ why }) => why),
            lines: cardLines(reviewed, columns, described),
            tick: nameOf(own.find(({ byShape }) => !byShape)) ?? '',
            tick_shape: nameOf(own.find(({ byShape }) => byShape)) ?? null,
            takes_reason: own.some(({ takesReason }) => takesReason),
          };
        }),
        all_read:
          each.agreed.length === 0
            ? null
            : { tools: each.agreed.map(({ change }) => change.name), tick: nameOf(ticks.at(-1)) ?? '' },
      };
    }),
    moved: moved.map(({ name }) => name),
    not_pinned: unpinned.map(({ name }) => name),
  };
}

/** Which tick of a page is meant: enough of its digest that no two are the same. */
const nameLength = 20;

function nameOf(tick: Tick | undefined): string | undefined {
  return tick && digestIn(tick.line)?.slice(0, nameLength);
}

function ticksIn({ service: { name }, url, agreed, others }: WaitingService): Tick[] {
  return ticksOf(name, url, agreed, others);
}

/**
 * The review sheet with what was ticked: whoever reviews takes it over with `setup-session tools accept`, which looks once more
 * and says who it was. Throws `drift` for a tick of what is another by now, and `usage` where nothing is ticked.
 */
export async function tickToolSheet({ ticks, reasons }: TickSheetRequest, ports: Ports): Promise<TickedSheet> {
  const configuration = await loadProject(ports);
  const { services } = await readWaiting(configuration, undefined);
  const chosen = new Set(ticks);
  if (chosen.size === 0) throw new AppError('usage', 'nothing is ticked', { hint: 'tick what is right' });
  const ofServices = services.map((each) => ({
    each,
    ticks: ticksIn(each).filter((tick) => chosen.has(nameOf(tick) ?? '')),
  }));
  const found = ofServices.flatMap(({ ticks: own }) => own);
  if (found.length !== chosen.size) {
    throw new AppError('drift', `${chosen.size - found.length} of what was ticked is another by now`, {
      hint: 'look at what waits once more, and tick it there',
    });
  }
  const lines = new Map(found.map((tick) => [`- [ ] ${tick.line}`, tick]));
  const parts = ofServices
    .filter(({ ticks: own }) => own.length > 0)
    .flatMap(({ each }) => sheetPart(each.service.name, each.url, each.agreed, each.others));
  const ticked = parts.flatMap((line, at) => {
    const tick = lines.get(line);
    if (tick !== undefined) return [`- [x] ${tick.line}`];
    // Right below its tick, where the sheet has room for it.
    const above = lines.get(parts[at - 1] ?? '');
    const reason = above?.takesReason === true ? reasons[nameOf(above) ?? '']?.replace(/\s+/g, ' ').trim() : undefined;
    return [reason !== undefined && line === '  reason: ' ? `${line}${reason}` : line];
  });
  return {
    sheet: [...sheetHead(clock.now()), ...ticked].join('\n'),
    tools: found.flatMap(({ reviewed }) =>
      reviewed.map(({ change }) => ({ service: change.service, tool: change.name })),
    ),
  };
}
