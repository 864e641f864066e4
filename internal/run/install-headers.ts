/** Entries of `.mcp.json` whose headers `service-connection headers` prints. */
import { basename, dirname, join, resolve } from 'node:path';
import type { Configuration, Service } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { readBytes, writeText } from '../outside/files.ts';
import { holdFile } from '../stores/files/kept-files.ts';
import { mergedServers } from '../text/mcp-json.ts';
import { quote } from '../text/quote.ts';
import { localService } from './local-service.ts';
import type { Ports } from './ports.ts';
import { readProject } from './project.ts';
import type { Installed, InstallRequest } from './values/headers.ts';

/** Far more than any such file. */
const longestBytes = 4 * 2 ** 20;
/** How long another run that writes the same file is waited for. */
const turnMs = 5_000;

/** Writes them, as one change that a reader sees whole. Throws `usage`, `not_allowed`, `config_exists` and `file_system`. */
export async function installHeaders({ service, path: given }: InstallRequest, ports: Ports): Promise<Installed> {
  // Nothing of it is believed: it is written down to be reviewed.
  const { configuration } = await readProject(ports, { workspace: 'any' });
  const helped = servicesToInstall(configuration, service).map((each) => ({
    name: each.name,
    url: each.mcp_server_url,
    headersHelper: helperOf(each, ports.project.config),
  }));
  const path = resolve(given);
  const hold = await holdFile(join(dirname(path), `.${basename(path)}.running`), { ...ports, waitMs: turnMs }, []);
  if (!('release' in hold)) {
    throw new AppError('already_running', `${quote(path)} is being written by ${hold.called}, since ${hold.since}`);
  }
  try {
    const merged = mergedServers((await readBytes(path, longestBytes))?.toString('utf8'), helped);
    if ('problem' in merged) {
      throw new AppError('config_exists', `${quote(path)} is left as it is: ${merged.problem}`, {
        hint: 'correct or rename what is there, or name another file: --to <file>',
      });
    }
    const { text, changes } = merged;
    const change = [...changes.values()].some((each) => each !== 'none') ? 'written' : 'none';
    if (change === 'written') await writeText(path, text, 'shared');
    return {
      path,
      change,
      servers: helped.map(({ name, url, headersHelper }) => ({
        name,
        url,
        headers_helper: headersHelper,
        change: changes.get(name) ?? 'none',
      })),
    };
  } finally {
    await hold.release();
  }
}

function servicesToInstall(configuration: Configuration, named: string | undefined): Service[] {
  if (named !== undefined) return [localService(configuration, named)];
  const services = [...configuration.services.values()].filter(({ local_agents: sources }) => sources !== undefined);
  if (services.length > 0) return services;
  throw new AppError('not_allowed', "no service is open to agents on people's own machines", {
    hint: 'whoever reviews the files of config/services/ can open them: local_agents',
  });
}

/** The command, for whatever shell runs it: the names of services are harmless words. Throws `usage`. */
function helperOf({ name }: Service, config: string | undefined): string {
  const command = `service-connection headers ${name}`;
  if (config === undefined) return command;
  if (/^[\w./:@+-]+$/.test(config) && !config.startsWith('-')) return `${command} --config ${config}`;
  if (/["$`\\%!^&|<>\n\r]/.test(config)) {
    throw new AppError('usage', `${quote(config)} has characters that shells read something into`, {
      hint: 'leave out --config: it is found in the project, or named by MAI_CONFIG',
    });
  }
  return `${command} --config "${config}"`;
}
