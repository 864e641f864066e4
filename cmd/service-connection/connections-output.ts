/** What is shown of connections: of those that are there, of one that was made or ended, and of what is wrong with them. */
import type { CommandResult } from '../../internal/cli/program.ts';
import { connectedText, disconnectedText, vaultWords } from '../../internal/run/connected.ts';
import type {
  CheckedConnections,
  Connected,
  ConnectionsPage,
  DisconnectResult,
  DraftedService,
  ExaminedConnections,
  ListedConnections,
  ServiceState,
} from '../../internal/run/values/connections.ts';
import { visible } from '../../internal/text/quote.ts';

/** One line that says which account now sits in whose vault. */
export function showConnected(connected: Connected): CommandResult {
  return { text: connectedText(connected), json: connected };
}

/** What was done at the page, in order. */
export function showPage(page: ConnectionsPage): CommandResult {
  const { lines } = page.beside;
  return { text: lines.length === 0 ? 'nothing was changed' : lines, json: page };
}

/** Each catalogued service: connected as whom, since when, with which scopes, and whether it works. */
export function showServices(listed: ListedConnections): CommandResult {
  const { services, not_in_catalogue: strangers, beside } = listed;
  const known = {
    heading: ['service', 'state', 'account', 'since (UTC)', 'scopes'],
    rows: services.map((state) => [
      state.service,
      state.status,
      accountOf(state),
      minuteOf(state.connected_at),
      visible(state.scopes.join(' ')) || '-',
    ]),
  };
  const outside = {
    heading: ['not in the catalogue', 'account', 'since (UTC)'],
    rows: strangers.map(({ mcp_server_url: url, connected_at: since }, index) => [
      visible(url),
      beside.accounts[index] ?? '-',
      minuteOf(since),
    ]),
  };
  return { text: strangers.length === 0 ? [known] : [known, '', outside], json: listed };
}

/** What was tried and works. */
export function showChecked(checked: CheckedConnections): CommandResult {
  const rows = checked.services.map((state) => [state.service, state.status, accountOf(state), visible(state.reason)]);
  return {
    text: rows.length === 0 ? 'nothing is connected' : [{ heading: ['service', 'state', 'account', 'why'], rows }],
    json: checked,
  };
}

/** What left the vault, or would. */
export function showDisconnected(result: DisconnectResult): CommandResult {
  if (!('would_archive' in result)) return { text: disconnectedText(result), json: result };
  const { title, label, removed } = result.beside;
  const where = vaultWords(label, result.vault_id);
  return {
    text:
      removed === null
        ? `${title}: nothing is connected in ${where}`
        : `${title}: would take ${removed} out of ${where}, and its tokens would be destroyed`,
    json: result,
  };
}

/** What `doctor` found where nothing of it is an alarm. */
export function showExamination(examined: ExaminedConnections): CommandResult {
  const rows = examined.findings.map(({ level, service, credential_id: id, what, next }) => [
    level,
    service ?? '-',
    visible(id ?? '-'),
    visible(what),
    visible(next),
  ]);
  const nothing =
    examined.vault_id === null ? 'there is no vault yet' : `nothing to report on ${examined.connections} connections`;
  return {
    text: rows.length === 0 ? nothing : [{ heading: ['level', 'service', 'credential', 'finding', 'next'], rows }],
    json: examined,
  };
}

function minuteOf(time: string | null): string {
  return time?.slice(0, 16).replace('T', ' ') ?? '-';
}

function accountOf({ account, workspace, account_accepted: accepted }: ServiceState): string {
  return `${visible([account, workspace].filter(Boolean).join(', ')) || '-'}${accepted ? ' (accepted by name)' : ''}`;
}

/** Where a draft is, and what is to be looked at in it. */
export function showDraft(drafted: DraftedService): CommandResult {
  const { path, tools, beside } = drafted;
  const { host, exceptions } = beside;
  const seen = tools === null ? 'its tools are not known' : `${tools} tools are named in comments`;
  const wrong = exceptions === 1 ? 'one thing' : `${exceptions} things`;
  return {
    text: [
      `${visible(path)}: a draft of ${visible(host)}; ${seen}`,
      ...(exceptions > 0
        ? [`Nobody signed in: it is against the rules in ${wrong}, and the draft says which line would let it pass.`]
        : []),
      'To review: both addresses, who registers the client, what each tool does, and who may use it in interface.yaml.',
    ],
    json: drafted,
  };
}
