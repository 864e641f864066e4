/**
 * Debian's glewlwyd, a real OpenID provider and authorization server in C: a daemon of its own on loopback with a database
 * in a temporary folder, ended by its process id. Nothing of the machine's own glewlwyd is touched.
 */
import { spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { ask } from '../support/ask.ts';
import type { Missing } from '../support/skip.ts';

/** A daemon that runs. It ends with the test that started it. */
export interface Glewlwyd {
  /** The issuer of its OpenID Connect plugin. */
  issuer: string;
  /** The client for single sign-on. */
  clientId: string;
  redirectPort: number;
  /** What a browser does: Ada signs in, allows what is asked for and is sent back, whose answer is fetched. */
  visit(authorization: string, headers: { cookie: string }): Promise<void>;
}

/** Where Debian's packages put what is needed. */
const schema = '/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3';
const modules = '/usr/lib/glewlwyd';
/** The account that the database is delivered with. */
const administrator = { username: 'admin', password: 'password' };
const ada = { username: 'ada', password: 'correct-horse-battery' };

/** Why it cannot be started here; false where it can. */
export function missingGlewlwyd(): Missing | false {
  const missing = ['glewlwyd', 'sqlite3'].filter(
    (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).error !== undefined,
  );
  if (!existsSync(schema)) missing.push(schema);
  return missing.length > 0 && { reason: `no ${missing.join(', ')} (Debian: glewlwyd, sqlite3)`, installable: true };
}

/**
 * Starts it, with Ada and a client for single sign-on.
 *
 * @param tokenSeconds how long its ID and access tokens are good
 */
export async function startGlewlwyd(tokenSeconds: number): Promise<Glewlwyd> {
  const folder = await mkdtemp(join(tmpdir(), 'glewlwyd-'));
  const [port, redirectPort] = [await freePort(), await freePort()];
  const base = `http://127.0.0.1:${port}`;
  const issuer = `${base}/api/oidc`;
  const database = spawnSync('sqlite3', [join(folder, 'db')], { input: await readFile(schema), encoding: 'utf8' });
  if (database.status !== 0) throw new Error(`sqlite3: ${database.stderr}`);
  await writeFile(join(folder, 'conf'), configuration(port, base, folder));
  const daemon = spawn('glewlwyd', ['--config-file', join(folder, 'conf')], { stdio: 'ignore' });
  onTestFinished(async () => {
    if (daemon.exitCode === null && daemon.signalCode === null) {
      daemon.kill('SIGKILL');
      await once(daemon, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  });
  for (const until = Date.now() + 10_000; ; await sleep(50)) {
    if (
      await fetch(`${base}/config`).then(
        () => true,
        () => false,
      )
    )
      break;
    if (Date.now() > until || daemon.exitCode !== null) throw new Error('glewlwyd did not start');
  }

  const asAdministrator = await signIn(base, administrator);
  const make = async (path: string, body: object) => {
    const answer = await asAdministrator(path, 'POST', body);
    if (answer.status !== 200) throw new Error(`glewlwyd ${path}: ${answer.status} ${await answer.text()}`);
  };
  await make('/mod/plugin/', {
    module: 'oidc',
    name: 'oidc',
    display_name: 'oidc',
    parameters: plugin(issuer, tokenSeconds),
  });
  await make('/scope/', { name: 'mcp', display_name: 'mcp', description: 'mcp', password_required: false });
  await make('/user/', { ...ada, name: 'Ada', email: 'ada@example.test', scope: ['openid', 'mcp'], enabled: true });
  const clientId = 'managed-agents-interface';
  await make('/client/', {
    client_id: clientId,
    name: 'managed-agents-interface',
    confidential: false,
    enabled: true,
    scope: [],
    redirect_uri: [`http://127.0.0.1:${redirectPort}/callback`],
    authorization_type: ['code', 'refresh_token'],
    token_endpoint_auth_method: ['none'],
  });

  return {
    issuer,
    clientId,
    redirectPort,
    async visit(authorization, headers) {
      const asAda = await signIn(base, ada);
      const { searchParams } = new URL(authorization);
      const client = encodeURIComponent(searchParams.get('client_id') ?? '');
      const granted = await asAda(`/auth/grant/${client}`, 'PUT', { scope: searchParams.get('scope') ?? '' });
      // Its own page adds this parameter once everything was answered there.
      const answer = await asAda(`${authorization}&g_continue`, 'GET');
      const location = answer.headers.get('location') ?? '';
      if (!location.startsWith(searchParams.get('redirect_uri') ?? 'nowhere'))
        throw new Error(`glewlwyd: grant ${granted.status}, sent to ${JSON.stringify(location)}`);
      // Not with fetch, which calls itself a script: the listener takes navigations only.
      await ask(location, { headers });
    },
  };
}

/** Signs an account in; what is asked afterwards is asked as that. */
async function signIn(base: string, account: object) {
  const headers = { 'content-type': 'application/json' };
  const begun = await fetch(`${base}/api/auth`, { method: 'POST', headers, body: JSON.stringify(account) });
  const cookie = begun.headers.getSetCookie().map((each) => each.split(';')[0]);
  return async (path: string, method: string, body?: object) =>
    await fetch(path.startsWith('/') ? `${base}/api${path}` : path, {
      method,
      redirect: 'manual',
      headers: { ...headers, cookie: cookie.join('; ') },
      ...(body && { body: JSON.stringify(body) }),
    });
}

function plugin(issuer: string, tokenSeconds: number): object {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    iss: issuer,
    'jwt-type': 'rsa',
    'jwt-key-size': '256',
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert: publicKey.export({ type: 'spki', format: 'pem' }),
    'jwks-show': true,
    'access-token-duration': tokenSeconds,
    'refresh-token-duration': 3600,
    'code-duration': 60,
    'refresh-token-rolling': true,
    'refresh-token-one-use': 'always',
    'subject-type': 'public',
    'allow-non-oidc': true,
    'auth-type-code-enabled': true,
    'auth-type-token-enabled': false,
    'auth-type-id-token-enabled': true,
    'auth-type-password-enabled': false,
    'auth-type-client-enabled': false,
    'auth-type-device-enabled': false,
    'auth-type-refresh-enabled': true,
    'pkce-allowed': true,
    'pkce-method-plain-allowed': false,
    'allowed-scope': ['openid', 'mcp'],
    'name-claim': 'mandatory',
    'email-claim': 'mandatory',
    'scope-claim': 'no',
    'introspection-revocation-allowed': true,
    'introspection-revocation-allow-target-client': true,
    'register-client-allowed': true,
    'register-client-auth-scope': [],
    'register-client-credentials-scope': [],
  };
}

function configuration(port: number, base: string, folder: string): string {
  const values = {
    bind_address: '127.0.0.1',
    external_url: base,
    login_url: 'login.html',
    api_prefix: 'api',
    cookie_same_site: 'lax',
    log_mode: 'file',
    log_level: 'WARNING',
    log_file: join(folder, 'log'),
    session_key: 'GLEWLWYD2_SESSION_ID',
    admin_session_authentication: 'cookie',
    profile_session_authentication: 'cookie',
    admin_scope: 'g_admin',
    profile_scope: 'g_profile',
    user_module_path: `${modules}/user`,
    client_module_path: `${modules}/client`,
    user_auth_scheme_module_path: `${modules}/scheme`,
    plugin_module_path: `${modules}/plugin`,
    hash_algorithm: 'SHA512',
  };
  return [
    `port=${port}`,
    'cookie_secure=0',
    'session_expiration=86400',
    'login_api_enabled=true',
    ...Object.entries(values).map(([key, value]) => `${key}=${JSON.stringify(value)}`),
    `database = { type = "sqlite3" path = ${JSON.stringify(join(folder, 'db'))} };`,
    '',
  ].join('\n');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
