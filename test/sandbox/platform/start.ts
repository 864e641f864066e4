import { randomUUID } from 'node:crypto';
import { playScript } from '../agent.ts';
import { type Clock, runningClock } from '../clock.ts';
import { listenOnLoopback } from '../listener.ts';
import { agentRoutes } from './agent-routes.ts';
import { createControl, type PlatformControl } from './control.ts';
import { credentialRoutes } from './credential-routes.ts';
import { environmentRoutes } from './environment-routes.ts';
import { eventRoutes } from './event-routes.ts';
import { newId } from './identifier.ts';
import { createRequestLog } from './request-log.ts';
import { createRouter } from './router.ts';
import { createPlatformListener } from './server.ts';
import { sessionRoutes } from './session-routes.ts';
import { skillRoutes } from './skill-routes.ts';
import { TokenExchange } from './token-exchange.ts';
import type { PlayTurn } from './turn.ts';
import { vaultRoutes } from './vault-routes.ts';
import { Workspace } from './workspace.ts';

/** How the platform is started; every part has a default. */
export interface PlatformOptions {
  /** The time that stamps and expiries follow; the time of day unless told. */
  clock?: Clock;
  /** Further keys. A key without a workspace opens the default one; a new workspace id makes a new workspace. */
  extraKeys?: readonly { apiKey: string; workspaceId?: string }[];
  /** How long a session's stored status lags behind its idle event; 20 ms unless told. */
  idleLagMs?: number;
  /** What plays the turns: the agent that obeys its messages, unless told. */
  playTurn?: PlayTurn;
}

/** A running platform. */
export interface PlatformSandbox {
  /** For `ANTHROPIC_BASE_URL`. */
  readonly baseUrl: string;
  /** For `ANTHROPIC_API_KEY`; opens the default workspace. */
  readonly apiKey: string;
  readonly workspaceId: string;
  /** Every token that CI jobs were given in exchange so far, for tests that search output for them. */
  issuedSecrets(): readonly string[];
  readonly control: PlatformControl;
  /** Drops every connection and stops every session. */
  close(): Promise<void>;
}

/** Starts an emulator of the Managed Agents API on a free loopback port. */
export async function startPlatform(options: PlatformOptions = {}): Promise<PlatformSandbox> {
  const { clock = runningClock(), extraKeys = [], idleLagMs = 20, playTurn = playScript } = options;
  const settings = { clock, idleLagMs, playTurn };
  const main = new Workspace(settings);
  const workspaces = new Map([[main.id, main]]);
  const apiKey = newId('sk-ant-sandbox');
  const keys = new Map([[apiKey, main]]);
  for (const { apiKey: key, workspaceId = main.id } of extraKeys) {
    const workspace = workspaces.get(workspaceId) ?? new Workspace(settings, workspaceId);
    workspaces.set(workspaceId, workspace);
    keys.set(key, workspace);
  }
  const { log, add } = createRequestLog();
  const organizationId = randomUUID();
  const tokenExchange = new TokenExchange({ organizationId, clock, workspaces, main });
  const { control, tampered, tamperedFile } = createControl({
    clock,
    log,
    workspaces: [...workspaces.values()],
    tokenExchange,
  });
  const findRoute = createRouter([
    ...vaultRoutes,
    ...credentialRoutes,
    ...agentRoutes,
    ...environmentRoutes,
    ...sessionRoutes,
    ...eventRoutes,
    ...skillRoutes,
  ]);
  const listener = await listenOnLoopback();
  listener.serve(
    createPlatformListener({
      control,
      findRoute,
      keys,
      organizationId,
      tokenExchange,
      tampered,
      tamperedFile,
      addToLog: add,
    }),
  );
  return {
    baseUrl: listener.origin,
    apiKey,
    workspaceId: main.id,
    issuedSecrets: () => tokenExchange.issuedSecrets(),
    control,
    close: async () => {
      for (const { sessions } of workspaces.values()) for (const { loop } of sessions) loop.end();
      await listener.close();
    },
  };
}
