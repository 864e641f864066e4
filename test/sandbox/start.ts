import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, runningClock } from './clock.ts';
import { writeConfiguration } from './config-folder.ts';
import { type IdentityProvider, startIdentityProvider } from './identity-provider.ts';
import type { Person, PersonName } from './people.ts';
import { type PlatformOptions, type PlatformSandbox, startPlatform } from './platform/start.ts';
import { type GitHubService, startGitHub } from './services/github.ts';
import { startGoogle } from './services/google.ts';
import { type LinearService, startLinear } from './services/linear.ts';
import { startNotion } from './services/notion.ts';
import type { SandboxService } from './services/service.ts';
import { startSlack } from './services/slack.ts';
import { githubJob, startWorkloadIssuer, type WorkloadIssuer } from './workload-issuer.ts';

/** Everything on the other side of the product, running in this process on the loopback address. */
export interface Sandbox {
  readonly platform: PlatformSandbox;
  readonly identityProvider: IdentityProvider;
  /** What signs tokens for CI jobs. The configuration does not name it: a test or a person adds `identity.workloads`. */
  readonly workloadIssuer: WorkloadIssuer;
  readonly people: Readonly<Record<PersonName, Person>>;
  readonly services: {
    readonly notion: SandboxService;
    readonly slack: SandboxService;
    readonly linear: LinearService;
    readonly github: GitHubService;
    readonly google: SandboxService;
  };
  /** A temporary folder of this sandbox, gone after `close`. */
  readonly folder: string;
  /** The `config/` in it, which points at this sandbox. */
  readonly configFolder: string;
  /** The variables that name the rule of the platform for the job of the workload issuer: no key is needed with them. */
  readonly federation: Readonly<Record<string, string>>;
  /** The variables that a command needs to find this sandbox and to leave everything else alone. */
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** Every code and token issued by anybody so far, for tests that search output for them. */
  issuedSecrets(): readonly string[];
  /** Stops everything and removes the folder. */
  close(): Promise<void>;
}

export interface SandboxOptions {
  /** The time of the platform and of the authorization servers; by default the time of day. */
  readonly clock?: Clock;
  /** Skills of the support agent. */
  readonly skills?: readonly string[];
  readonly platform?: Omit<PlatformOptions, 'clock'>;
}

/** Starts the platform, the identity provider and the services, and writes a configuration for them. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { clock = runningClock(), skills = [] } = options;
  const started: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(started.splice(0).map((stop) => stop()));
  };
  async function keep<Part extends { close(): Promise<void> }>(starting: Promise<Part>): Promise<Part> {
    const part = await starting;
    started.push(() => part.close());
    return part;
  }

  try {
    const platform = await keep(startPlatform({ ...options.platform, clock }));
    const identityProvider = await keep(startIdentityProvider({ now: clock.now }));
    const workloadIssuer = await keep(startWorkloadIssuer());
    const { environment: federation } = platform.control.federate({
      issuer: workloadIssuer.issuer,
      match: { subject_prefix: String(githubJob['sub']), claims: { repository_owner_id: '65' } },
    });
    const services = {
      notion: await keep(startNotion(clock.now)),
      slack: await keep(startSlack(clock.now)),
      linear: await keep(startLinear(clock.now)),
      github: await keep(startGitHub(clock.now)),
      google: await keep(startGoogle(clock.now)),
    };
    const folder = await mkdtemp(join(tmpdir(), 'sandbox-'));
    started.push(() => rm(folder, { recursive: true, force: true }));
    // Nothing secret is in it, and a command that a test runs as another user has to read it.
    await chmod(folder, 0o755);
    const configFolder = join(folder, 'config');
    await writeConfiguration(configFolder, { identityProvider, services, skills });

    return {
      platform,
      identityProvider,
      workloadIssuer,
      people: identityProvider.people,
      services,
      folder,
      configFolder,
      federation,
      environment: {
        ANTHROPIC_BASE_URL: platform.baseUrl,
        ANTHROPIC_API_KEY: platform.apiKey,
        MAI_CONFIG: configFolder,
        MAI_ALLOW_LOOPBACK_HTTP: '1',
        MAI_KEYCHAIN: 'off',
        // On every system; what keeps to XDG would be kept among the person's own files elsewhere.
        MAI_HOME: join(folder, 'home'),
      },
      clock,
      issuedSecrets: () =>
        [platform, identityProvider, workloadIssuer, ...Object.values(services)].flatMap((issuer) =>
          issuer.issuedSecrets(),
        ),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
