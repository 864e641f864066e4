/**
 * Commands and calls in scripts and in instructions that an agent would follow. Searched in all text: whoever writes a
 * skill chooses where a command stands and what its block is called. Patterns ask for more than the name of a command,
 * so that prose about it stays prose. No text makes them slow: a gap inside a
 * pattern is bounded, and two things that may stand far apart are looked for one after the other.
 */
import { isDenied } from './context.ts';
import { matchesIn, mayMatch, searchable } from './search.ts';
import type { Hit, SearchedFile } from './searched-file.ts';

interface Pattern {
  what: string;
  pattern: RegExp;
}

/** Two things in one line, however far apart, also where the line is continued below. */
interface Sequence {
  what: string;
  first: RegExp;
  after: RegExp;
  /** What has to hold of the place behind the second, in the rest of the command, for it to count. */
  confirms?: (behind: string, second: string) => boolean;
}

/** What runs a text that is handed to it. */
const bin = '(?:/(?:usr/)?(?:local/)?bin/)?';
const interpreter = String.raw`(?:sudo\s{1,4}(?:-\w{1,10}\s{1,4}){0,3})?(?:${bin}env\s{1,4}(?:-S\s{1,4})?)?${bin}(?:ba|z|da|k|a|fi)?(?:sh|python[\d.]{0,5}|node|perl|ruby|php|pwsh|osascript)\b`;
/** A download command with something to download: a table that lists commands has none. */
const download = String.raw`\b(?:curl|wget|aria2c|https?)(?:\.exe)?\s{1,4}[^\s|]`;
const options = String.raw`(?:\s{1,4}-{1,2}[\w-]{1,20}){0,4}`;

const intoInterpreter = new RegExp(String.raw`\|\s{0,20}(?:\\\n\s{0,20})?${interpreter}`, 'g');
const intoExpression = /\|\s{0,10}(?:iex|invoke-expression)\b/gi;
/** What is put in place of itself: a substitution that a shell gets as its program. */
/** Options of interpreters that take the next word with them. */
const withArgument = /^(?:-[WXOI]|-r|--require|--import|--loader|-o|\+o|--rcfile|--init-file|-ExecutionPolicy|-ep)$/;
/** Words of a sentence that goes on behind a command. */
const ofSentence =
  /^(?:to|and|or|for|on|in|if|then|which|as|from|with|when|is|will|because|after|before|at|-{2,3}|–|—|#.*)$/i;

/**
 * Whether an interpreter behind a pipe reads its program from there, and not from an option (`-c`, `-m`, `-e`) or a file:
 * then what comes through the pipe is data.
 */
function readsProgramFromPipe(behind: string, called: string): boolean {
  const [command = ''] = /^(?:[^\n;|&)<>`]|(?<=\\)\n)*/.exec(behind) ?? [];
  const isShell = /sh$/.test(called) && !called.endsWith('pwsh');
  const words = command
    .trim()
    .split(/\s+/)
    .filter((word) => word !== '' && word !== '\\');
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '-' || /^["']?\/(?:dev\/stdin|proc\/self\/fd\/0)/.test(word)) return true;
    if (ofSentence.test(word)) return true;
    if (/^-(?:c|command|file)$/i.test(word) && called.endsWith('pwsh')) return words[at + 1] === '-';
    if (isShell && /^-[a-z]*s/.test(word)) return true;
    if (isShell ? /^-[a-z]*c/.test(word) : /^-\w*[ceEmpRBFrf]\w*$|^--(?:eval|print)\b/.test(word)) {
      if (withArgument.test(word) && /node$/.test(called)) {
        at += 1;
        continue;
      }
      return false;
    }
    if (withArgument.test(word)) at += 1;
    else if (!/^[-+]/.test(word)) return false;
  }
  return true;
}

const asProgram = String.raw`(?:${interpreter}${options}|\bsource|\beval|(?:^|[\s;&])\.)\s{1,4}(?:["']{0,2}(?:<\(|\$\()|["']\x60)`;
const decoder = String.raw`\bbase64\s{1,4}(?:-d|-D|--decode)\b`;

/** Text that nobody has read, run. */
const pipes = searched([
  {
    what: 'runs what it downloads',
    first: new RegExp(download, 'g'),
    after: intoInterpreter,
    confirms: readsProgramFromPipe,
  },
  { what: 'runs what it downloads', pattern: new RegExp(String.raw`${asProgram}\s{0,4}${download}`, 'gm') },
  {
    what: 'runs what it downloads',
    pattern:
      /(?<![\w.]|\.\s)(?:(?:builtins|window|globalThis|global|self|vm)\.)?(?:exec|eval|compile|Function|os\.system|runIn\w{1,20})\s{0,4}\(\s{0,20}[^\n;)"'\x60]{0,80}?\b(?:requests\.get|urlopen|urllib\.request|httpx\.get|fetch)\s{0,4}[.(]/g,
  },
  {
    what: 'runs what it downloads',
    first: /\b(?:iex|invoke-expression)\b/gi,
    after: /downloadstring|downloaddata|invoke-webrequest|invoke-restmethod|\biwr\b|\birm\b/gi,
  },
  {
    what: 'runs what it downloads',
    first: /downloadstring|invoke-webrequest|invoke-restmethod|\biwr\b|\birm\b/gi,
    after: intoExpression,
  },
  {
    what: 'runs what it decodes',
    first: new RegExp(String.raw`${decoder}|\bxxd\s{1,4}-r\b|\bopenssl\s{1,4}(?:enc|base64)\b[^\n|]{0,100}\s-d\b`, 'g'),
    after: intoInterpreter,
    confirms: readsProgramFromPipe,
  },
  { what: 'runs what it decodes', first: new RegExp(asProgram, 'gm'), after: new RegExp(decoder, 'g') },
  {
    what: 'runs what it decodes',
    pattern:
      /(?<![\w.]|\.\s)(?:(?:builtins|window|globalThis|global|self|vm)\.)?(?:exec|eval|compile|Function|runIn\w{1,20}|(?:pickle|marshal|dill)\.loads)\s{0,4}\(\s{0,20}[^\n;)]{0,80}?(?:\b(?:atob|b64decode|b32decode|b85decode|unhexlify|fromhex|decompress)\s{0,4}\(|,\s{0,4}['"](?:base64|hex)['"])/g,
  },
  {
    what: 'runs what it decodes',
    first: /\b(?:powershell|pwsh)(?:\.exe)?\b/gi,
    after: /\s-e(?:nc|ncodedcommand)?\s{1,4}[A-Za-z0-9+/=]{20}/gi,
  },
]);

/** A download into a file, as group 1. */
const intoFile = {
  first: searchable(/\b(?:curl|wget)(?=\s)/g),
  after: /\s(?:-o|-O|--output(?:-document)?|>)[\s=]{0,3}["']?([\w./~$-]{1,80})["']?(?=[\s;&|]|$)/g,
};
/** How far behind a download its file is looked for. */
const soonAfter = 400;

/** What begins an argument of a command that reaches somebody: an option, an address, a variable, a host. */
const argument = String.raw`\s{1,4}(?:--?\w|https?:|"|'|\$|\w[\w.-]{0,80}\.[a-z]{2})`;

/** Reaching the network. */
const calls = searched([
  { what: 'calls curl', pattern: new RegExp(String.raw`\bcurl(?:\.exe)?${argument}`, 'g') },
  { what: 'calls wget', pattern: new RegExp(String.raw`\bwget(?:\.exe)?${argument}`, 'g') },
  {
    what: 'calls nc',
    pattern: /\b(?:nc|ncat|netcat|socat)\s{1,4}(?:-\w|(?:TCP|UDP|OPENSSL)\d?:|\$|[\w.-]{1,80}\s{1,4}\d{2,5}\b)/g,
  },
  { what: 'calls ssh', pattern: /\b(?:ssh|sftp|telnet)\s{1,4}(?:-[\w]|["'$]|[\w.-]{1,60}@[\w$[{-])/g },
  {
    what: 'copies to or from another machine',
    first: /\b(?:scp|rsync)(?=\s)/g,
    after: /[\s"'][\w.-]{1,60}(?:@[\w.-]{1,80})?:[\w/~$.]/g,
  },
  {
    what: 'opens a socket',
    pattern:
      /\/dev\/(?:tcp|udp)\/|\bsocket\.(?:socket|create_connection)\s{0,4}\(|\bimport\s{1,4}socket\b|\bnet\.(?:connect|createConnection|Dial)\s{0,4}\(|\bTCPSocket\b/g,
  },
  {
    what: 'calls fetch',
    pattern:
      /(?<![\w.])(?:window\.|globalThis\.|self\.)?fetch\s{0,4}\(\s{0,20}(?:["'`]|[A-Za-z_$][\w$.]{0,60}\s{0,4}[,)+[(])/g,
  },
  {
    what: 'calls Python requests',
    pattern:
      /\b(?:requests|httpx|aiohttp)\.(?:get|post|put|patch|delete|head|options|request|stream|Session|Client|AsyncClient|ClientSession)\b/g,
  },
  {
    what: 'calls Python urllib or http',
    pattern:
      /\burllib\.request\b|\burllib[23]?\.(?:urlopen|PoolManager|request)\b|\burlopen\s{0,4}\(|\bhttp\.client\b|\bHTTPS?Connection\s{0,4}\(|\b(?:import|from)\s{1,4}(?:requests|httpx|aiohttp|urllib3|paramiko|ftplib|smtplib|telnetlib|websockets?)\b/g,
  },
  {
    what: 'uses a network module of Node',
    pattern:
      /(?:\brequire\s{0,4}\(\s{0,4}|\bfrom\s{1,4}|\bimport\s{1,4}|\bimport\s{0,4}\(\s{0,4})["'`](?:node:)?(?:https?|http2|net|tls|dgram|dns|undici|axios|got|node-fetch|ws)["'`]/g,
  },
  {
    what: 'uses a network object of the browser',
    pattern:
      /\bnew\s{1,4}(?:XMLHttpRequest|WebSocket|EventSource)\b|\bnavigator\.sendBeacon\b|\baxios\.(?:get|post|put|patch|delete|request|create)\b|\baxios\s{0,4}\(/g,
  },
  {
    what: 'calls the network from PowerShell',
    pattern: /\b(?:Invoke-WebRequest|Invoke-RestMethod|Start-BitsTransfer|Net\.WebClient|Net\.Sockets|Net\.Http)\b/gi,
  },
  {
    what: 'calls Ruby or Go for the network',
    pattern: /\bNet::HTTP\b|\bopen-uri\b|\bhttp\.(?:Get|Post|NewRequest|DefaultClient)\b|"net\/http"/g,
  },
  {
    what: 'asks a name server',
    pattern: /\b(?:nslookup|dig)\s{1,4}(?:-\w|\+\w|@|["'$]|[\w.-]{1,80}\.[a-z]{2})|\bdns\.resolve\w{0,10}\s{0,4}\(/g,
  },
]);

/** Where machines keep credentials. */
const credentialPlaces = searched([
  {
    what: 'names the SSH keys of a person',
    pattern:
      /(?:~|\$\{?HOME\}?|\/home\/\w{1,32}|\/root|\/Users\/\w{1,32})\/\.ssh\b|\.ssh\/(?:id_\w|authorized_keys|config\b)|\bssh-add\s{1,4}-L/g,
  },
  {
    what: 'names the AWS credentials of a person',
    pattern: /\.aws\/(?:credentials|config|sso)\b|(?:~|\$\{?HOME\}?)\/\.aws\b/g,
  },
  {
    what: 'names the credentials of a cloud tool',
    pattern:
      /\.config\/gcloud\b|application_default_credentials|(?:~|\$\{?HOME\}?|\/root|\/home\/\w{1,32}|\/Users\/\w{1,32})\/\.azure\b|\.azure\/(?:accessTokens|azureProfile|msal_token_cache|service_principal)|\.kube\/config\b|\.docker\/config\.json|\.config\/gh\/hosts|\.terraform\.d\/credentials/g,
  },
  {
    what: 'names a file of passwords',
    pattern:
      /(?<![\w.])\.(?:netrc|pgpass|git-credentials|npmrc|pypirc|vault-token)\b|\/etc\/(?:shadow|gshadow|sudoers)\b/g,
  },
  {
    what: 'reads a file of environment variables',
    pattern:
      /(?:\b(?:cat|less|head|tail|source|grep|cp|more|strings|xargs|read_text|readFileSync|readFile|open|load_dotenv|dotenv_values)\b[^\n]{0,60}?|(?:^|\s)\.\s{1,4}|<\s{0,4})["'`(/\s]\.env(?:\.[a-z]{1,20})?(?![\w.-])|\bload_dotenv\s{0,4}\(|\bdotenv\/config\b|\brequire\(["']dotenv["']\)/gm,
  },
  {
    what: 'reads the environment of a process',
    pattern:
      /\/proc\/(?:self|thread-self|\d{1,8}|\*|\$\{?\w{1,20}\}?|\$\$|\[[^\]\n]{1,10}\]\*?)\/(?:environ|mem|cmdline|maps)\b/g,
  },
  {
    what: 'hands all environment variables on',
    first: /\b(?:printenv|env|export\s{1,4}-p|declare\s{1,4}-x|set)\s{0,4}\|/g,
    after: /\b(?:curl|wget|nc|ncat|base64|openssl|xxd)\b/g,
  },
  {
    what: 'hands all environment variables on',
    pattern:
      /\b(?:json\.dumps|JSON\.stringify|str|dict)\s{0,4}\(\s{0,4}(?:dict\s{0,4}\(\s{0,4})?(?:os\.environ|process\.env)\s{0,4}[,)]/g,
  },
  {
    what: 'names the address that gives credentials to machines of a cloud',
    pattern: /\b169\.254\.169\.254\b|\b169\.254\.170\.2\b|\bmetadata\.google\.internal\b|\[?fd00:ec2::254\]?/g,
  },
  {
    what: 'asks a keychain or a tool for its credentials',
    pattern:
      /\bsecurity\s{1,4}find-(?:generic|internet)-password\b|\bsecret-tool\s{1,4}lookup\b|\bgh\s{1,4}auth\s{1,4}token\b|\bgcloud\s{1,4}auth\s{1,4}print-\w{1,20}-token\b|\baws\s{1,4}configure\s{1,4}(?:get|export-credentials)\b|\bgit\s{1,4}credential\s{1,4}fill\b|\bkeyring\.get_password\b/g,
  },
  {
    what: 'names the store of passwords of a browser',
    pattern: /\bLogin Data\b(?=["'`])|\bcookies\.sqlite\b|\blogins\.json\b|\bkey4\.db\b/g,
  },
  { what: 'names the token of a container', pattern: /\/var\/run\/secrets\/\w|\/run\/secrets\/\w/g },
]);

/** What runs unread text; where people are told not to, it is a warning. */
export function shellPipes(file: SearchedFile): Hit[] {
  return [...search(file, pipes), ...runDownloads(file)].map((hit) =>
    isDenied(file, hit.offset ?? 0) ? { ...hit, level: 'warning' } : hit,
  );
}

/** What reaches the network. */
export function networkCalls(file: SearchedFile): Hit[] {
  return search(file, calls).filter(({ offset = 0 }) => !isDenied(file, offset));
}

/** What goes where credentials are. */
export function credentialAccess(file: SearchedFile): Hit[] {
  return search(file, credentialPlaces).filter(({ offset = 0 }) => !isDenied(file, offset));
}

function searched(patterns: readonly (Pattern | Sequence)[]): readonly (Pattern | Sequence)[] {
  for (const each of patterns) {
    for (const pattern of 'pattern' in each ? [each.pattern] : [each.first, each.after]) searchable(pattern);
  }
  return patterns;
}

function search(file: SearchedFile, patterns: readonly (Pattern | Sequence)[]): Hit[] {
  return patterns.flatMap((each) => {
    const matches =
      'pattern' in each ? matchesIn(file, each.pattern) : mayMatch(file, each.after) ? [...inOrder(file, each)] : [];
    return matches.map((match) => ({
      // The line that a person looks for is the one with the words, not with the blanks before them.
      offset: match.index + (match[0].length - match[0].trimStart().length),
      what: each.what,
    }));
  });
}

/** Where the first thing is, once for a line in which the other comes behind it. */
function* inOrder(file: SearchedFile, { first, after, confirms }: Omit<Sequence, 'what'>) {
  const { text } = file;
  let done = 0;
  for (const match of matchesIn(file, first)) {
    if (match.index < done) continue;
    const from = match.index + match[0].length;
    done = endOfCommand(text, from);
    const rest = text.slice(from, done);
    const endOf = (other: RegExpExecArray) => other.index + other[0].length;
    for (const other of rest.matchAll(after)) {
      if (confirms !== undefined && !confirms(rest.slice(endOf(other)), other[0])) continue;
      yield { 0: match[0], index: match.index, other, end: from + endOf(other) };
      break;
    }
  }
}

/** The end of a line with those that continue it: after a backslash or a pipe a command is not over. */
function endOfCommand(text: string, from: number): number {
  for (let end = text.indexOf('\n', from); end !== -1; end = text.indexOf('\n', end + 1)) {
    if (!/[\\|]\s{0,4}$/.test(text.slice(Math.max(from, end - 8), end))) return end;
  }
  return text.length;
}

/** Where a file that was just downloaded is run, or made one that can be run. */
function runDownloads(file: SearchedFile): Hit[] {
  const { text } = file;
  const runs = new Map<string, RegExp>();
  return [...inOrder(file, intoFile)].flatMap(({ index, other, end }) => {
    const name = (other[1] ?? '').replace(/[.$\\]/g, '\\$&');
    const known = runs.get(name);
    const run =
      known ??
      new RegExp(
        String.raw`(?:${interpreter}${options}\s{1,4}|\bchmod\s{1,4}[\w+=,]{1,12}\s{1,4}|(?:^|[;&]\s{0,4})(?:sudo\s{1,4})?(?:\./)?)["']?${name}(?![\w.-])`,
        'm',
      );
    runs.set(name, run);
    return run.test(text.slice(end, end + soonAfter))
      ? [{ offset: index, what: 'runs the file that it downloads' }]
      : [];
  });
}
