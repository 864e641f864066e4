import type { CommandResult } from '../../internal/cli/program.ts';
import type { ExplainedVerdicts } from '../../internal/run/values/setup.ts';
import { visible } from '../../internal/text/quote.ts';
import type { Table } from '../../internal/text/table.ts';

type ExplainedTool = ExplainedVerdicts['tools'][number];

/** The verdict on each tool in a row; of one tool also what would have to change for a wider one. */
export function showExplained(result: ExplainedVerdicts, tool: string | undefined): CommandResult {
  const { agent, tools, beside } = result;
  return {
    text: [
      `${visible(agent)}, for ${beside.who}`,
      ...(result.may_start
        ? []
        : [`They may start no session with it: agents/${agent}.yaml: allowed does not name them.`]),
      ...[result.groups_missing ?? result.groups_said].flatMap((said) => (said === null ? [] : [visible(said)])),
      '',
      tableOf(tools),
      ...(tool === undefined ? [] : tools.flatMap((each) => ['', ...widening(each)])),
    ],
    json: result,
  };
}

function tableOf(tools: readonly ExplainedTool[]): Table {
  const rows = tools.map(({ service, tool, class: kind, agent, person, scopes, pin, router, verdict, rule }) => [
    service,
    visible(tool),
    router === null ? kind : `${kind}, router`,
    agent,
    person,
    scopes ?? '-',
    pin ?? '-',
    verdict,
    visible(rule.because),
  ]);
  return { heading: ['service', 'tool', 'class', 'agent', 'person', 'scopes', 'pin', 'verdict', 'decided by'], rows };
}

function widening({ service, tool, router, verdict, wider }: ExplainedTool): string[] {
  const what = `${service} ${visible(tool)} is ${verdict}`;
  const routed = router === null ? [] : [`It is ${visible(router)}.`];
  if (wider === null) return [`${what}, which is as wide as a verdict can be.`, ...routed];
  const opening = wider.changes.length === 1 ? 'if this changed' : 'if all of these changed';
  return [
    `${what}. It would be ${wider.verdict} ${opening}:`,
    ...wider.changes.map(({ because }) => `  ${visible(because)}`),
    ...routed,
  ];
}
