import type { CommandResult } from '../../internal/cli/program.ts';
import type {
  AcceptResult,
  DiffResult,
  ExportedSheet,
  Refreshed,
  RefreshResult,
  Reviewed,
  ReviewResult,
} from '../../internal/run/values/tools.ts';

const kinds = ['new', 'changed', 'varying', 'gone'] as const;

/** What was listed, and what is off now; or what a refresh would write. */
export function showRefreshed(result: RefreshResult): CommandResult {
  const lines = result.services.flatMap(refreshedLines);
  if ('would_sign_in_at' in result) {
    const signIns = result.would_sign_in_at.map((name) => `${name}: would sign in there to see its tools`);
    return {
      text: [...lines, ...nextLines(result.services), ...signIns, 'nothing was written'].join('\n'),
      json: result,
    };
  }
  return { text: [...lines, ...nextLines(result.services)].join('\n'), json: result };
}

function refreshedLines(refreshed: Refreshed): string[] {
  const { service, listed, varying } = refreshed;
  const waiting = kinds.reduce((sum, kind) => sum + refreshed[kind].length, 0);
  const left = refreshed.left_out.length === 0 ? '' : `, ${refreshed.left_out.length} more cannot be reviewed`;
  return [
    `${service}: ${listed} tools, ${waiting === 0 ? 'all as they were reviewed' : `${waiting} wait for a review`}${left}`,
    ...kinds.flatMap((kind) => refreshed[kind].map((name) => `  ${kind.padEnd(7)}  ${name}`)),
    ...(varying.length === 0
      ? []
      : ['  varying: another each time it is asked; a review can pin the shape of what varies']),
  ];
}

function nextLines(services: readonly Refreshed[]): string[] {
  const waiting = services.find((each) => kinds.some((kind) => each[kind].length > 0));
  return waiting === undefined ? [] : [`they are off until then: setup-session tools review ${waiting.service}`];
}

/** What waits for a review. Ends with 7 where there is anything. */
export function showDiff(result: DiffResult): CommandResult {
  const { changes, moved, not_pinned: unpinned, beside } = result;
  const lines = [
    ...moved.map(
      (name) => `moved    ${name}: its file names another server than the one that was listed; its tools are off`,
    ),
    ...beside.lines,
    ...unpinned.map((name) => `${name} is not pinned: setup-session tools refresh ${name}`),
  ];
  return {
    text: lines.length === 0 ? 'every tool is as it was reviewed' : lines.join('\n'),
    json: result,
    exit: changes.length + moved.length === 0 ? 0 : 7,
  };
}

/** What was accepted, or what a review would ask about or accept. */
export function showReview(result: ReviewResult): CommandResult {
  if ('accepted' in result) return showReviewed(result);
  const [tools, would] =
    'would_accept' in result ? [result.would_accept, 'would accept'] : [result.would_ask_about, 'would ask about'];
  return {
    text: [...result.beside.lines, ...tools.map(({ service, tool }) => `${would} ${service} ${tool}`)].join('\n'),
    json: result,
  };
}

/** What a sheet accepted, or would accept. */
export function showAccepted(result: AcceptResult): CommandResult {
  if ('accepted' in result) return showReviewed(result);
  return {
    text: result.would_accept.map(({ service, tool }) => `would accept ${service} ${tool}`).join('\n'),
    json: result,
  };
}

/** The review sheet. */
export function showSheet(result: ExportedSheet): CommandResult {
  return { text: result.waiting === 0 ? 'nothing waits for a review' : result.sheet, json: result };
}

function showReviewed(result: Reviewed): CommandResult {
  const { accepted, waiting } = result;
  const lines = accepted.map(
    ({ service, tool, change }) => `${change === 'gone' ? 'forgot' : 'accepted'} ${service} ${tool}`,
  );
  const rest = waiting === 0 ? [] : [`${waiting} still wait for a review, and are off`];
  return {
    text: lines.length + rest.length === 0 ? 'nothing waits for a review' : [...lines, ...rest].join('\n'),
    json: result,
  };
}
