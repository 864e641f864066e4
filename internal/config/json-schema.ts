/** JSON Schemas for editors, from the same definitions that check the files. */
import * as z from 'zod/mini';
import { agentDefinition } from './agent-file.ts';
import { environmentDefinition } from './environment-file.ts';
import { interfaceDefinition } from './interface-file.ts';
import { ruleFileDefinition } from './rule-file.ts';
import { serviceDefinition } from './service-file.ts';

const definitions = {
  interface: interfaceDefinition,
  service: serviceDefinition,
  agent: agentDefinition,
  environment: environmentDefinition,
  rules: ruleFileDefinition,
};

/** The schema files by their path below the configuration folder. */
export function schemaFiles(): Map<string, string> {
  return new Map(
    Object.entries(definitions).map(([kind, definition]) => {
      // What may be written, not what comes out: a key with a default may be left out.
      const schema = z.toJSONSchema(definition, { io: 'input', target: 'draft-7' });
      return [
        `schema/${kind}.schema.json`,
        `${JSON.stringify({ ...schema, title: `${kind} configuration` }, null, 2)}\n`,
      ];
    }),
  );
}
