import { unzipSync } from 'fflate';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { chosenError, invalidRequest } from './api-error.ts';
import { choices } from './choices.ts';
import { parse } from './schema.ts';

/** An upload that has been found in order. `files` are keyed by their path below the top folder. */
export interface SkillUpload {
  name: string;
  description: string;
  files: ReadonlyMap<string, Uint8Array>;
}

const sizeLimit = 30 * 1024 * 1024;
const fileLimit = 500;

// Documented limits; the words are reserved.
const frontMatter = z.looseObject({
  name: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[a-z0-9-]+$/, 'expected a-z, 0-9 and -')
    .refine((name) => !/anthropic|claude/.test(name), 'must not contain anthropic or claude'),
  description: z
    .string()
    .min(1)
    .max(1024)
    .refine((description) => !/<[a-z/][^>]*>/i.test(description), 'must not contain XML tags'),
});

/** Reads the files of a multipart form, given one by one or as one zip, and checks them. */
export async function readSkillUpload(form: FormData): Promise<SkillUpload> {
  const unknown = [...form.keys()].find((name) => name !== 'files[]' && name !== 'display_name');
  const parts = form.getAll('files[]').filter((part) => part instanceof File);
  // Seen: a part named files instead of files[] counts as no files at all.
  if (parts.length === 0) throw invalidRequest('no files: expected parts named files[]');
  if (unknown !== undefined) throw invalidRequest(`${unknown}: unknown field`);
  return checkedUpload(await entriesOf(parts));
}

type Entry = readonly [path: string, bytes: Uint8Array];

async function entriesOf(parts: File[]): Promise<Entry[]> {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && only.name.endsWith('.zip')) return unzipped(only);
  return Promise.all(parts.map(async (part) => [part.name, new Uint8Array(await part.arrayBuffer())] as const));
}

async function unzipped(archive: File): Promise<Entry[]> {
  const bytes = new Uint8Array(await archive.arrayBuffer());
  let size = 0;
  try {
    const files = unzipSync(bytes, {
      // Looks at the declared sizes first, so that a small archive cannot unfold into a huge one.
      filter: ({ originalSize }) => {
        size += originalSize;
        return size <= sizeLimit;
      },
    });
    if (size > sizeLimit) throw tooLarge();
    return Object.entries(files).filter(([path]) => !path.endsWith('/'));
  } catch (error) {
    if (size > sizeLimit) throw tooLarge();
    throw invalidRequest(`the zip cannot be read: ${error instanceof Error ? error.message : 'unknown format'}`);
  }
}

function tooLarge() {
  return chosenError(choices.skillContent, 'files: at most 30 MB uncompressed');
}

function checkedUpload(entries: Entry[]): SkillUpload {
  if (entries.length > fileLimit) throw chosenError(choices.skillContent, `files: at most ${fileLimit} files`);
  if (entries.reduce((sum, [, { length }]) => sum + length, 0) > sizeLimit) throw tooLarge();
  const folders = new Set<string>();
  const files = new Map<string, Uint8Array>();
  for (const [path, bytes] of entries) {
    checkPath(path);
    const [folder = '', ...rest] = path.split('/');
    if (rest.length === 0) throw chosenError(choices.skillFolder, `files: ${path} lies outside of a top folder`);
    folders.add(folder);
    if (files.has(rest.join('/'))) throw chosenError(choices.skillContent, `files: ${path} occurs more than once`);
    files.set(rest.join('/'), bytes);
  }
  const [folder, ...others] = folders;
  if (others.length > 0) throw chosenError(choices.skillFolder, 'files: all files must share one top folder');
  const { name, description } = readFrontMatter(files.get('SKILL.md'));
  if (name !== folder) throw chosenError(choices.skillFolder, `files: the top folder must be named ${name}`);
  return { name, description, files };
}

/** choices.skillContent */
function checkPath(path: string): void {
  const segments = path.split('/');
  const strange = segments.some((segment) => segment === '' || segment === '.' || segment === '..');
  if (strange || path.includes('\\') || path.length > 256) {
    throw chosenError(choices.skillContent, `files: ${JSON.stringify(path.slice(0, 256))} is not a relative path`);
  }
}

function readFrontMatter(skillFile: Uint8Array | undefined): z.output<typeof frontMatter> {
  if (skillFile === undefined) throw invalidRequest('files: SKILL.md is missing from the top folder');
  const text = Buffer.from(skillFile).toString('utf8');
  const block = text.match(/^---\r?\n([\s\S]*?)\r?\n---(\r?\n|$)/)?.[1];
  if (block === undefined) throw invalidRequest('SKILL.md: must begin with YAML front matter');
  return parse(frontMatter, parsedYaml(block));
}

function parsedYaml(block: string): unknown {
  try {
    return parseYaml(block);
  } catch {
    throw invalidRequest('SKILL.md: the front matter is not valid YAML');
  }
}
