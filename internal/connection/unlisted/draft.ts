/** Drafts the file of a service from what its server says of itself. Pure. Nothing that a draft holds is on (P4). */

import { getDomainWithoutSuffix } from 'tldts';
import { namePattern, platformsOwn } from '../../config/names.ts';
import { AppError } from '../../errors/app-error.ts';
import type { AuthorizationServer } from '../../oauth/authorization-server.ts';
import { type Exception, exceptionLine, exceptionRisk } from '../../oauth/exceptions.ts';
import type { ProtectedResource } from '../../oauth/protected-resource.ts';
import { type Offer, type ToolClass, toolOf } from '../../offer/offered-tool.ts';
import { readingOf, type Suspicion, suspecting } from '../../offer/suspicion.ts';
import { quote } from '../../text/quote.ts';

/** What is known of the server. Its own words are text from outside. */
export interface DraftEvidence {
  found: ProtectedResource;
  /** Who signs people in, as the server names it. */
  issuer: string;
  server: AuthorizationServer;
  exceptions: readonly Exception[];
  /** Undefined where nobody signed in to see them. */
  tools: Offer | undefined;
  warnings: readonly string[];
  now: Date;
}

/** The name of a service, from its domain or as it was given. Throws `usage` where it can be none, such as that of a command. */
export function draftName(url: URL, given: string | undefined, commands: readonly string[]): string {
  const word = getDomainWithoutSuffix(url.hostname, { allowPrivateDomains: true }) ?? '';
  const name = given ?? word.toLowerCase();
  const isTaken = name === platformsOwn || commands.includes(name);
  if (namePattern.test(name) && name.length <= 64 && !isTaken) return name;
  throw new AppError('usage', `${quote(name)} can be no name of a service`, {
    hint: 'name it with --name <name>: lower-case letters, digits and single hyphens, and no name of a subcommand',
  });
}

/** The text of `services/<name>.yaml`. Every text from outside in it is a JSON string of ASCII, or in a comment as one. */
export function draftText(evidence: DraftEvidence): string {
  const { found, issuer, server, now } = evidence;
  const registers = typeof server.registration_endpoint === 'string';
  return [
    '# yaml-language-server: $schema=../schema/service.schema.json',
    `# A draft of ${now.toISOString().slice(0, 10)}, from what the server says of itself. Nobody has reviewed it, and nothing of it is on: no tool is`,
    '# listed below, and nobody is granted anything at this service in interface.yaml.',
    '#',
    '# To review: do both addresses stand in what the service itself publishes? Whose are they? What does each tool really do?',
    ...evidence.warnings.map((warning) => `# Be careful: ${warning}`),
    `mcp_server_url: ${JSON.stringify(found.address)}`,
    '',
    'authorization:',
    '  # Who may issue tokens for it; a server that names another one later is refused.',
    `  issuers: [${JSON.stringify(issuer)}]`,
    ...evidence.exceptions.flatMap(exceptionLines),
    ...registrationLines(server, registers),
    ...scopeLines(found),
    ...resourceLines(evidence),
    '',
    '# How we learn whose account was connected: a tool of tools.read that answers with it, and where its name stands.',
    '# account: { tool: <tool>, arguments: {}, name: user.email, match: email }',
    '',
    '# The tools that count, by what they do. One that is not listed is off.',
    'tools:',
    '  read: []',
    '  write: []',
    '  destructive: []',
    ...toolLines(evidence.tools, now),
    '',
  ].join('\n');
}

function registrationLines(server: AuthorizationServer, registers: boolean): string[] {
  const documents = server['client_id_metadata_document_supported'] === true;
  const also = documents ? ['  # It also takes client metadata documents: registration: client-metadata.'] : [];
  if (registers) return ['  registration: dynamic', ...also];
  return [
    '  # It registers nobody by itself: have a client registered there, then pre-registered.',
    '  registration: ask',
    ...also,
  ];
}

/** How many scopes a draft has room for: more are nothing that a person reviews. */
const mostScopes = 50;
/** How many tools that cannot be reviewed a draft names. */
const mostLeftOut = 20;

function scopeLines({ scopes, offeredScopes }: ProtectedResource): string[] {
  if (offeredScopes.length === 0) return ['  # It names no scopes.'];
  const listed = offeredScopes.slice(0, mostScopes).map((scope) => `  #   ${quote(scope)}`);
  const more = offeredScopes.length - mostScopes;
  const asked = scopes === undefined ? 'none of them is' : 'those that the server names are';
  return [
    `  # Scopes that it names; ${asked} asked for as long as none stand here:`,
    ...listed,
    ...(more > 0 ? [`  #   and ${more} more`] : []),
  ];
}

/** What is against the rules and may be right all the same: not in force before somebody says so. */
function exceptionLines(exception: Exception): string[] {
  return [
    `  # Not in force, and nobody can connect without it. The risk: ${exceptionRisk[exception.kind]}.`,
    '  # Whoever has reviewed that takes out the next #:',
    `  # ${exceptionLine(exception)}`,
  ];
}

function resourceLines({ found: { address, resource, withoutMetadata }, exceptions }: DraftEvidence): string[] {
  if (withoutMetadata)
    return ['  # It publishes no metadata about itself: its origin is taken for its authorization server.'];
  if (exceptions.some(({ kind }) => kind === 'resource')) return [];
  return resource === address ? [] : [`  # It calls itself ${quote(resource)}; tokens are asked for under that name.`];
}

/** What it offered, as lists that can be pasted; nothing of it is in force. */
function toolLines(offer: Offer | undefined, now: Date): string[] {
  if (offer === undefined) return ['', '# Its tools are shown to those who signed in; nobody did for this draft.'];
  const { tools, leftOut, count } = offer;
  const suspect = suspecting(now);
  const read = [...tools].map(([name, listed]) => {
    const tool = toolOf(listed);
    const suspicions = suspect(name, tool, listed.facts);
    return { name, suspicions, kind: readingOf(name, tool, listed.facts).ours };
  });
  if (count === 0) return ['', '# It offered no tools.'];
  return [
    '',
    `# What it offered, ${count} tools, as lists that can be pasted over those above without their #. Nobody has reviewed them.`,
    '# A tool is in the most careful list of what its server claims, what its name says, and what can be asked of it.',
    '# tools:',
    ...(['read', 'write', 'destructive'] as const).flatMap((kind) =>
      classLines(
        kind,
        read.filter((each) => each.kind === kind),
      ),
    ),
    ...leftOut
      .slice(0, mostLeftOut)
      .map(({ name, why }) => `# ${quote(name)} cannot be reviewed and stays off: ${ascii(why)}`),
    ...(leftOut.length > mostLeftOut
      ? [`# ${leftOut.length - mostLeftOut} more cannot be reviewed and stay off.`]
      : []),
  ];
}

interface DraftedTool {
  name: string;
  suspicions: readonly Suspicion[];
}

/** One class: what nothing is suspicious of, then the rest, each with why. */
function classLines(kind: ToolClass, tools: readonly DraftedTool[]): string[] {
  if (tools.length === 0) return [`#   ${kind}: []`];
  const plain = tools.filter(({ suspicions }) => suspicions.length === 0);
  const suspicious = tools.filter(({ suspicions }) => suspicions.length > 0);
  // A name is a JSON string wherever YAML could take it for something else.
  const entry = (name: string) =>
    `#     - ${/^[a-z][\w.-]*$/i.test(name) && !/^(y|n|yes|no|on|off|true|false|null|[.\d]+e?\d*)$/i.test(name) ? name : JSON.stringify(name)}`;
  return [
    `#   ${kind}:`,
    ...(plain.length > 0 && suspicious.length > 0 ? [`#     # nothing suspicious: ${plain.length}`] : []),
    ...plain.map(({ name }) => entry(name)),
    ...(suspicious.length > 0 ? [`#     # to be looked at: ${suspicious.length}`] : []),
    ...suspicious.map(
      ({ name, suspicions }) => `${entry(name)} # ${ascii(suspicions.map(({ why }) => why).join('; '))}`,
    ),
  ];
}

/** A text from outside in a comment: printable ASCII of one line. */
function ascii(text: string): string {
  return quote(text).slice(1, -1).replaceAll('\\"', "'");
}
