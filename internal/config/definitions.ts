/** The types of the configuration, all inferred from the definitions that check the files. */
import type * as z from 'zod/mini';
import type { agentDefinition, agentServiceDefinition } from './agent-file.ts';
import type { approversDefinition } from './approvals.ts';
import type { assuranceDefinition } from './assurance.ts';
import type { environmentDefinition } from './environment-file.ts';
import type { interfaceDefinition, permissionDefinition } from './interface-file.ts';
import type { ReadTogether } from './read-together.ts';
import type { ruleDefinition, ruleFileDefinition } from './rule-file.ts';
import type { serviceDefinition } from './service-file.ts';
import type { workloadDefinition } from './workload.ts';

export type { BuiltinTool } from './agent-file.ts';
export type { When } from './condition.ts';
export type { Verdict } from './verdicts.ts';

interface Named {
  /** The name of the file, without its ending. */
  readonly name: string;
}

/** `interface.yaml`. */
export type Interface = z.infer<typeof interfaceDefinition>;

/** How people prove who they are: the `identity` of `interface.yaml`. */
export type Identity = Interface['identity'];

/** One kind of CI job that may act: an entry of `identity.workloads`. */
export type Workload = z.infer<typeof workloadDefinition>;

/** What a sign-in has to show: a `require` of `interface.yaml`, of a service or of an agent. */
export type Requirement = z.infer<typeof assuranceDefinition>;

/** Who says yes to a call in the place of its owner: an entry of `approvals`. */
export type Approvers = z.infer<typeof approversDefinition>;

/** The widest verdicts of a group or principal at one service. */
export type Permission = z.infer<typeof permissionDefinition>;

/** `services/<name>.yaml`. */
export type Service = Omit<z.infer<typeof serviceDefinition>, 'authorization'> &
  Named & {
    /** Names no issuer where `auth` says that nobody connects it. */
    readonly authorization: NonNullable<z.infer<typeof serviceDefinition>['authorization']>;
    /** Not from the catalogue: a person named its address. Nobody has reviewed it, and no agent can use it (P4). */
    readonly unlisted?: true;
  };

/** What stands in the file of a service: without `authorization` where nobody connects it. */
export type WrittenService = z.infer<typeof serviceDefinition>;

/** How the account behind a connection has to fit the person who connects it. */
export type AccountRule = NonNullable<Service['account']>['match'];

/** The reviewed tools of a service by what they do. */
export type Catalogue = Service['tools'];

/** What an agent may do with one service. */
export type AgentService = z.infer<typeof agentServiceDefinition>;

/** `agents/<name>.yaml`, its system prompt read from its file. */
export type Agent = Omit<z.infer<typeof agentDefinition>, 'system'> & { readonly system: string | undefined } & Named;

/** `environments/<name>.yaml`. */
export type Environment = z.infer<typeof environmentDefinition> & Named;

/** One rule about single calls. */
export type CallRule = z.infer<typeof ruleDefinition>;

/** `rules/<name>.yaml`. */
export type RuleFile = z.infer<typeof ruleFileDefinition> & Named;

/** Everything under `config/`, checked as a whole. */
export interface Configuration {
  readonly folder: string;
  /** The name of the workspace that the run is about, where the configuration names several. */
  readonly workspace?: string;
  readonly interface: Interface;
  readonly services: ReadonlyMap<string, Service>;
  readonly agents: ReadonlyMap<string, Agent>;
  readonly environments: ReadonlyMap<string, Environment>;
  readonly rules: ReadonlyMap<string, RuleFile>;
  /** The files beside it, where they were read together with it. */
  readonly together?: ReadTogether;
}
