/** JSON schemas as schemastore.org publishes them, for what we write and others read. */
import { createRequire } from 'node:module';
import { Ajv, type AnySchema } from 'ajv';
import addFormats from 'ajv-formats';

const require = createRequire(import.meta.url);

const schemas = {
  'sarif-2.1.0': 'sarif-2.1.0.json',
  'github-action': 'github-action.json',
  'github-workflow': 'github-workflow.json',
  'gitlab-ci': 'gitlab.com/gitlab-org/gitlab/-/raw/master/app/assets/javascripts/editor/schema/ci.json',
};

/** Says what a schema (draft 07, with its formats) has to complain of in a value; nothing for a valid one. */
export function judgeBy(name: keyof typeof schemas): (value: unknown) => unknown[] {
  return judgeBySchema(require(`schemastore/schemas/json/${schemas[name]}`));
}

/** The same for a schema of our own, where nobody publishes one. */
export function judgeBySchema(schema: unknown): (value: unknown) => unknown[] {
  // A pattern of the SARIF schema is no regular expression with the flag `u`.
  const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
  addFormats.default(ajv);
  const validate = ajv.compile(schema as AnySchema);
  return (value) => (validate(value) ? [] : (validate.errors ?? []));
}
