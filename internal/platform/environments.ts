/** Environments: what the platform answers, and what it can be asked for. */
import { type Door, eachOf, type How } from './door.ts';
import { tellUnknown } from './known-members.ts';
import { type Fields, fieldsOf, metadataOf, type Reading, text, textOrNull, thingOf } from './reading.ts';
import type { Client } from './sdk.ts';

export interface EnvironmentAnswer {
  id: string;
  name: string;
  created_at: string;
  archived_at: string | null;
  description: string | null;
  config: Fields;
  metadata: Readonly<Record<string, string>>;
  saysMetadata: boolean;
}

/** Reads an environment. A configuration that was not said is none, and equals none that is meant. */
function readEnvironment(value: unknown, reading: Reading): EnvironmentAnswer {
  const environment = thingOf(value, 'an environment');
  const config = fieldsOf(environment['config']) ?? {};
  tellUnknown('environment', environment, reading);
  tellUnknown('environment.config', config, reading);
  tellUnknown('environment.config.networking', config['networking'], reading);
  return {
    id: environment.id,
    name: text(environment['name']) ?? '',
    created_at: text(environment['created_at']) ?? '',
    archived_at: textOrNull(environment['archived_at']),
    description: textOrNull(environment['description']),
    config,
    metadata: metadataOf(environment['metadata']),
    saysMetadata: fieldsOf(environment['metadata']) !== undefined,
  };
}

type Environments = Client['environments'];

/** What is asked of environments. */
export const environmentVerbs = ({ read, pages, change }: Door) => {
  const update =
    (act: 'environment.announce' | 'environment.update') =>
    (id: string, environment: Parameters<Environments['update']>[1], how: How = {}) =>
      change(act, id, how, readEnvironment, ({ environments }) => environments.update(id, environment));
  return {
    list: () =>
      eachOf(pages('list environments', readEnvironment, ({ environments }, page) => environments.list(page))),
    retrieve: (id: string, { label = id, ...how }: How = {}) =>
      read(`read environment ${label}`, readEnvironment, ({ environments }) => environments.retrieve(id), how),
    create: (environment: Parameters<Environments['create']>[0]) =>
      change('environment.create', undefined, { label: environment.name }, readEnvironment, ({ environments }) =>
        environments.create(environment),
      ),
    /** Says in its metadata that it is about to be changed, or takes that back. */
    announce: update('environment.announce'),
    update: update('environment.update'),
    archive: (id: string, how: How = {}) =>
      change('environment.archive', id, how, readEnvironment, ({ environments }) => environments.archive(id)),
  };
};
