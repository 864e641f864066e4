/** The published vectors, by our entry and by the programs of docs/session-identity.md in the languages that are here. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { searchPath } from '../../test/demo/executables.ts';
import { staticHost } from '../../test/support/session-tokens.ts';
import { trust, verifySessionToken } from './index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

interface Vectors {
  now: number;
  issuer: string;
  audience: string;
  tenant: string;
  keys: { keys: unknown[] };
  status_list: string;
  tokens: { name: string; counts: boolean; token: string }[];
}

const path = join(root, 'docs', 'session-token-vectors.json');
const vectors = JSON.parse(await readFile(path, 'utf8')) as Vectors;
const counting = vectors.tokens.filter(({ counts }) => counts).map(({ name }) => name);
const page = await readFile(join(root, 'docs', 'session-identity.md'), 'utf8');

/** The one program of a language on the page. */
function programIn(language: string): string {
  const [, text] = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page) ?? [];
  if (text === undefined) throw new Error(`the page has no program in ${language}`);
  return text;
}

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'vectors-'));
  onTestFinished(() => rm(made, { recursive: true }));
  return made;
}

const has = async (program: string, words: string[]) =>
  await run(program, words).then(
    () => true,
    () => false,
  );
const [python, go] = await Promise.all([
  has('/usr/bin/python3', ['-c', 'import jwt, cryptography']),
  has('go', ['version']),
]);

test('by our entry [P2]', async () => {
  const { now, issuer, audience, tenant, keys, status_list: list, tokens } = vectors;
  await using host = await staticHost();
  host.files.set('/status', { body: list });
  const trusted = trust({
    audience,
    issuers: [{ kind: 'session-token', issuer, keys, tenants: [tenant], statusLists: [`${issuer}/status`] }],
    now: () => now * 1000,
    fetch: async (address, init) => await fetch(String(address).replace(issuer, host.address), init),
  });
  const counts: string[] = [];
  for (const { name, token } of tokens) {
    if ((await verifySessionToken(`Bearer ${token}`, trusted)).ok) counts.push(name);
  }
  expect(counts).toEqual(counting);
});

test('by plain jose, as the page has it [P2]', async () => {
  const place = await folder();
  await symlink(join(root, 'node_modules'), join(place, 'node_modules'));
  const main = `const v = JSON.parse(await (await import('node:fs/promises')).readFile(process.argv[2], 'utf8'));
    const names = [];
    for (const { name, token } of v.tokens)
      await verify(token, { ...v, statusList: v.status_list }).then(() => names.push(name), () => {});
    console.log(JSON.stringify(names));`;
  await writeFile(join(place, 'main.mjs'), `${programIn('js')}\n${main}`);
  const { stdout } = await run(process.execPath, [join(place, 'main.mjs'), path]);
  expect(JSON.parse(stdout)).toEqual(counting);
});

test.runIf(python)('in Python, as the page has it [P2]', async () => {
  const place = await folder();
  const main = `import json, sys
v = json.load(open(sys.argv[1]))
names = []
for each in v["tokens"]:
    try:
        verify(each["token"], v["keys"], v["status_list"], v["issuer"], v["audience"], v["tenant"], v["now"])
        names.append(each["name"])
    except (ValueError, jwt.PyJWTError):
        pass
print(json.dumps(names))`;
  await writeFile(join(place, 'main.py'), `${programIn('python')}\n${main}`);
  const { stdout } = await run('/usr/bin/python3', [join(place, 'main.py'), path]);
  expect(JSON.parse(stdout)).toEqual(counting);
});

test.runIf(go)(
  'in Go, as the page has it [P2]',
  async () => {
    const place = await folder();
    const main = `package main
import ("encoding/json"; "fmt"; "os")
func main() {
  var v struct { Now int64; Issuer, Audience, Tenant string; Keys struct{ Keys []Key }; StatusList string \`json:"status_list"\`; Tokens []struct{ Name, Token string } }
  text, _ := os.ReadFile(os.Args[1])
  if err := json.Unmarshal(text, &v); err != nil { panic(err) }
  names := []string{}
  for _, each := range v.Tokens {
    if _, err := Verify(each.Token, v.StatusList, v.Issuer, v.Audience, v.Tenant, v.Keys.Keys, v.Now); err == nil { names = append(names, each.Name) }
  }
  out, _ := json.Marshal(names)
  fmt.Println(string(out))
}`;
    await Promise.all([
      writeFile(join(place, 'verify.go'), programIn('go')),
      writeFile(join(place, 'main.go'), main),
      writeFile(join(place, 'go.mod'), 'module vectors\n\ngo 1.19\n'),
    ]);
    const environment = {
      PATH: searchPath,
      HOME: place,
      GOFLAGS: '-mod=mod',
      GOPROXY: 'off',
      GOCACHE: join(place, 'cache'),
    };
    const { stdout } = await run('go', ['run', '.', path], { cwd: place, env: environment });
    expect(JSON.parse(stdout)).toEqual(counting);
  },
  120_000,
);
