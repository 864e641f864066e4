/**
 * What a console does for whoever asks it, of the list of use-cases: a name that is not here is reachable nowhere. Those
 * that read or write what lies where the person is, or are about their own sign-in, stay there.
 */
import type { UseCase } from '../run/ports.ts';
import { type ListedUseCase, useCases } from '../run/use-cases.ts';
import { isRecord } from '../text/record.ts';

/** By executable, those that are asked for most first. */
const reachable = {
  'setup-session': [
    'startSession',
    'sendMessage',
    'answerCall',
    'listApprovals',
    'showSession',
    'listSessions',
    'verifySessions',
    'attachSession',
    'stopSession',
    'stopIdleSessions',
    'revokeTokens',
    'inspectToken',
    'explainVerdicts',
    'listAgents',
    'showAgent',
    'showRecord',
    'verifyRecord',
    'checkpointRecord',
    'pullCalls',
  ],
  'service-connection': [
    'judgeLocalAgent',
    'connect',
    'listConnections',
    'checkConnections',
    'disconnect',
    'examineConnections',
    'connectToken',
    'connectUnlisted',
    'repairVaults',
    'offboardPerson',
    'signOwner',
    'verifyOwners',
  ],
  // No command performs these.
  pages: [
    'listUsableAgents',
    'listAgentChoices',
    'draftAgent',
    'showCatalogue',
    'listWaitingTools',
    'tickToolSheet',
    'showOwnRecord',
    'copyRecord',
    'listPeople',
  ],
} as const;

/**
 * What is done where the person is, console or not: it is about their own sign-in or their own files, or changes reviewed
 * files, which are committed where they are changed, by a job or an operator with a key.
 */
const here: readonly string[] = [
  'namesThere',
  'giveHeaders',
  'allowLocalAgents',
  'endLocalAccess',
  'installHeaders',
  'login',
  'logout',
  'whoami',
  'makeOwnershipKey',
  'draftService',
  'scanSkills',
  'syncSkills',
  'applySkillsPlan',
  'verifySkills',
  'pullSkills',
  'writeStarter',
  'examineSetup',
  'planAgents',
  'applyAgents',
  'createAgent',
  'adoptAgent',
  'adoptEnvironment',
  'retireAgent',
  'makeTokenKey',
  'listTokenKeys',
  'retireTokenKey',
  'refreshTools',
  'diffTools',
  'exportToolSheet',
  'reviewTools',
  'acceptToolSheet',
];

/** What a person types for what a console does for them, for hints. */
const words: Readonly<Record<string, (request: Readonly<Record<string, unknown>>) => string>> = {
  connect: ({ service }) => `service-connection ${String(service)}`,
  connectToken: ({ service }) => `service-connection ${String(service)} --token-stdin`,
  connectUnlisted: () => 'service-connection --url <url>',
  listConnections: () => 'service-connection list',
  checkConnections: ({ service }) => ['service-connection check', service].filter(Boolean).join(' '),
  disconnect: ({ service }) => `service-connection disconnect ${String(service ?? '--url <url>')}`,
  examineConnections: () => 'service-connection doctor',
  startSession: ({ agent }) => `setup-session --agent ${String(agent)}`,
};

/** The command that asks for something, as far as it matters to whoever is to type it. */
export function commandOf({ name }: Reachable, executable: string, request: unknown): string {
  const said = words[name];
  return said === undefined || !isRecord(request) ? `${executable} login` : said(request);
}

/** The executable that a use-case is of. */
export function executableOf(name: string): 'setup-session' | 'service-connection' {
  const isOf = (names: readonly string[]) => names.includes(name);
  return isOf(reachable['setup-session']) ? 'setup-session' : 'service-connection';
}

/** A use-case with its name. */
export type Reachable = ListedUseCase & { name: string };

/** All that a console does. */
export function reachableUseCases(): Reachable[] {
  return Object.values(reachable)
    .flat()
    .flatMap((name) => {
      const listed = useCases[name];
      return listed === undefined ? [] : [{ ...listed, name }];
    });
}

/** Where what a command performs is done when there is a console: there, here, or nowhere yet. Its own executable's are looked at first. */
export async function placeOf<Request, Result>(
  useCase: UseCase<Request, Result>,
  executable: string,
): Promise<Reachable | 'here' | 'nowhere'> {
  const isIt = async (listed: ListedUseCase | undefined) => (await listed?.load()) === (useCase as unknown);
  const all = reachableUseCases();
  const own: readonly string[] = executable in reachable ? reachable[executable as keyof typeof reachable] : [];
  const [first = '', second = '', ...others] = here;
  // Other commands look there before they begin, and the one that agents wait for ends within a second.
  for (const name of [first, second]) if (await isIt(useCases[name])) return 'here';
  for (const each of all) if (own.includes(each.name) && (await isIt(each))) return each;
  for (const name of others) if (await isIt(useCases[name])) return 'here';
  for (const each of all) if (!own.includes(each.name) && (await isIt(each))) return each;
  return 'nowhere';
}
