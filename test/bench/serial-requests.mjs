// What a loop without any care for speed takes: the requests of a file, one after another, through the official SDK.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';

const { skills, names, requests } = JSON.parse(await readFile(process.argv[2], 'utf8'));
const client = new Anthropic({ maxRetries: 0 });

for (const { method, path, search } of requests) {
  if (method === 'GET') {
    await client.get(`${path}${search}`);
    continue;
  }
  const [, skillId] = /^\/v1\/skills\/([^/]+)\/versions$/.exec(path);
  await client.skills.versions.create(skillId, { files: await filesOf(names[skillId]) });
}
process.stdout.write(`${requests.length} requests\n`);

async function filesOf(name) {
  const folder = join(skills, name);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return await Promise.all(
    files.map(async (file) => new File([await readFile(file)], `${name}${file.slice(folder.length)}`)),
  );
}
