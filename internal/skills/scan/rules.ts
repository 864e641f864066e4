/** The rules of the scan: what each looks for, how grave that is, and what to do. docs/skill-scan.md repeats them. */
import type { Level } from './finding.ts';

/** A rule as people read it. */
export interface Rule {
  /** How grave a finding is; some findings of a rule say otherwise, and `levels` of scan.yaml decides over both. */
  level: Level;
  /** What the rule looks for. */
  finds: string;
  fix: string;
}

/** Every rule by its stable id. */
export const rules = {
  secret: {
    level: 'error',
    finds: 'keys, tokens, passwords and private keys',
    fix: 'take it out and revoke it where it was made; whoever can read the skill has it',
  },
  'credential-file': {
    level: 'error',
    finds: 'files in which credentials are kept, by their name: `.env`, `.netrc`, `id_*`, `*.pem`, `*.p12`, `.aws/`',
    fix: 'take it out, or name it in .skillignore; an example is called .env.example',
  },
  'hidden-character': {
    level: 'error',
    finds: 'characters that are invisible or change the direction of text',
    fix: 'take it out, or write it as an escape such as \\u200b',
  },
  'prompt-injection': {
    level: 'warning',
    finds: 'words that turn an agent against its rules or its user; an error where no honest skill needs them',
    fix: 'say what the agent is to do without them, or tell a reviewer why they are needed',
  },
  'wide-rights': {
    level: 'warning',
    finds:
      'tools that an agent may use without asking, and settings that turn the asking off; a note where bounds are named',
    fix: 'name what the skill needs, such as Bash(git log:*), or tell a reviewer why it needs more',
  },
  'mcp-tool': {
    level: 'note',
    finds: 'tools of MCP servers: they reach beyond the skill',
    fix: 'see that the agents of this skill are meant to use it',
  },
  'forbidden-tool': {
    level: 'warning',
    finds: 'names of tools that are off for an agent with this skill',
    fix: 'take the step out, give the skill to other agents, or open the tool in config/agents',
  },
  'shell-pipe': {
    level: 'error',
    finds: 'text from the network or from an encoding that is run unread',
    fix: 'put what is to be run into the skill as a file, where it is reviewed',
  },
  'network-call': {
    level: 'warning',
    finds: 'commands and functions that reach the network',
    fix: 'take it out if the skill works without it; the network rules of the environment decide what it reaches',
  },
  'credential-access': {
    level: 'warning',
    finds: 'places where machines keep credentials',
    fix: 'let the agent use the connections in the vault instead',
  },
  'external-url': {
    level: 'note',
    finds: 'addresses outside `allowed_domains`, each host once for a file; a warning where it is http without s',
    fix: 'put what is read there into the skill, or add the host to allowed_domains in scan.yaml',
  },
  'path-outside': {
    level: 'warning',
    finds: 'paths that lead out of the skill: `../` beyond its folder, home folders',
    fix: 'keep what the skill needs in its own folder',
  },
  'unusual-format': {
    level: 'warning',
    finds:
      'what readers take and the open format does not have: lists of tools, values of metadata, CR, names beyond ASCII',
    fix: 'write it as the format has it',
  },
  executable: {
    level: 'error',
    finds: 'compiled programs and libraries, by their first bytes or their name',
    fix: 'put the source there instead, which can be reviewed',
  },
  archive: {
    level: 'warning',
    finds: 'archives, by their first bytes or their name; a note for office documents, which are archives too',
    fix: 'put the files themselves there: nothing in an archive is searched',
  },
  'unknown-binary': {
    level: 'note',
    finds: 'files that are neither text nor of a kind that is known',
    fix: 'see that the skill needs it: it was searched as if it were text, and an encoding hides anything',
  },
  'large-file': {
    level: 'note',
    finds: 'files of more than 4 MiB that are not text: they are not searched',
    fix: 'see that the skill needs it',
  },
  'suppression-expired': {
    level: 'warning',
    finds: 'suppressions in scan.yaml that are over; they suppress nothing any more',
    fix: 'look at the findings again; then change the files, or suppress them again with a new day',
  },
  'suppression-unused': {
    level: 'note',
    finds: 'suppressions in scan.yaml that match no finding',
    fix: 'take it out',
  },
} as const satisfies Readonly<Record<string, Rule>>;

export type RuleId = keyof typeof rules;

/** Every id, in the order of the table. */
export const ruleIds = Object.keys(rules) as RuleId[];
