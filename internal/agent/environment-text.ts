/** The text of an environment's file, brought to what the platform has: only the keys that differ, comments stay. Pure. */
import { parseDocument } from 'yaml';
import type { Environment } from '../config/definitions.ts';
import { environmentDefinition } from '../config/environment-file.ts';
import { checkShape } from '../config/shape.ts';
import { quote } from '../text/quote.ts';
import type { Difference } from './definition.ts';
import { environmentMark, unended } from './environment.ts';

/** The text, and the environment that it would be; undefined where no file can say it, for these reasons. */
export interface EnvironmentText {
  text: string;
  environment: Environment | undefined;
  problems: string[];
}

const keys: Readonly<Record<string, string>> = {
  'allowed hosts': 'allowed_hosts',
  'MCP servers': 'allow_mcp_servers',
  'package managers': 'allow_package_managers',
  description: 'description',
};

/** Takes into a text what the platform has otherwise. */
export function takeIntoText(text: string, name: string, differences: readonly Difference[]): EnvironmentText {
  const document = parseDocument(text);
  const problems: string[] = [];
  for (const { what, found } of differences) {
    if (what === unended || what === environmentMark) continue;
    const key = keys[what];
    const value: unknown = JSON.parse(found);
    if (key === undefined || value === null) problems.push(`${what} is ${quote(value)}`);
    else if (value === '') document.delete(key);
    else document.set(key, document.createNode(value, { flow: true }));
  }
  const { whole, findings } = checkShape(environmentDefinition, document.toJS());
  problems.push(...findings.map(({ problem }) => problem));
  return {
    text: document.toString({ lineWidth: 120 }),
    environment: whole === undefined || problems.length > 0 ? undefined : { ...whole, name },
    problems: problems.map((problem) => `environment ${quote(name)}: ${problem}`),
  };
}
