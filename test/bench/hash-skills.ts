/** Reads and hashes the folder of skills that it is given, as `skill-sync` does, and prints each skill's hash. */
import { readSkills } from '../../internal/skills/folder/read.ts';

const { skills } = await readSkills(process.argv.slice(2));
process.stdout.write(JSON.stringify(Object.fromEntries(skills.flat().map(({ name, sha256 }) => [name, sha256]))));
