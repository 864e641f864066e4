import { zipSync } from 'fflate';
import { z } from 'zod';
import { FileAnswer } from './answer.ts';
import { chosenError, invalidRequest } from './api-error.ts';
import { choices } from './choices.ts';
import { pageQuery, readPage } from './page.ts';
import { formRoute, route } from './route.ts';
import { addSkill, addSkillVersion, findSkill, findSkillVersion, type SkillVersionRecord } from './skill.ts';
import { readSkillUpload } from './skill-upload.ts';

// Documented: no beta header is needed.
const beta = 'unneeded';

const listQuery = z.strictObject({ ...pageQuery(20, 1000), source: z.enum(['custom', 'anthropic']).optional() });

/** Routes of the skills and their versions. Documented: a skill cannot be updated, only get new versions. */
export const skillRoutes = [
  formRoute('POST /v1/skills', { beta }, async ({ workspace, body }) => {
    const upload = await readSkillUpload(body);
    return addSkill(workspace, upload, displayNameOf(body) ?? upload.name).shown;
  }),

  route('GET /v1/skills', { beta, query: listQuery }, ({ workspace, query }) =>
    readPage(workspace.skills, {
      list: 'skills',
      query,
      order: 'asc', // choices.undocumentedOrder
      where: ({ shown }) => query.source === undefined || shown.source.type === query.source,
      view: ({ shown }) => shown,
    }),
  ),

  route('GET /v1/skills/:skill', { beta }, ({ workspace, param }) => findSkill(workspace, param('skill')).shown),

  // Documented: removes all versions. choices.pinnedSkillVersion
  route('DELETE /v1/skills/:skill', { beta }, ({ workspace, param }) => {
    const { id } = findSkill(workspace, param('skill'));
    workspace.skills.delete(id);
    return { id, type: 'skill_deleted' };
  }),

  formRoute('POST /v1/skills/:skill/versions', { beta }, async ({ workspace, body, param }) => {
    const skill = findSkill(workspace, param('skill'));
    if (body.has('display_name')) throw invalidRequest('display_name: only when the skill is created');
    const upload = await readSkillUpload(body);
    if (upload.name !== skill.name) {
      throw invalidRequest(`name: the skill is named ${skill.name}, which later uploads cannot change`);
    }
    return addSkillVersion(workspace, skill, upload).shown;
  }),

  route(
    'GET /v1/skills/:skill/versions',
    { beta, query: z.strictObject(pageQuery(20, 1000)) },
    ({ workspace, query, param }) => {
      const skill = findSkill(workspace, param('skill'));
      return readPage(skill.versions, {
        list: `versions of ${skill.id}`,
        query,
        order: 'asc', // choices.undocumentedOrder
        where: () => true,
        view: ({ shown }) => shown,
      });
    },
  ),

  route('GET /v1/skills/:skill/versions/:version', { beta }, ({ workspace, param }) => {
    return findSkillVersion(findSkill(workspace, param('skill')), param('version')).shown;
  }),

  route('DELETE /v1/skills/:skill/versions/:version', { beta }, ({ workspace, param }) => {
    const skill = findSkill(workspace, param('skill'));
    const { id } = findSkillVersion(skill, param('version'));
    if (skill.versions.size === 1) throw chosenError(choices.lastSkillVersion, `${id} is the last version`);
    skill.versions.delete(id);
    const newest = [...skill.versions].at(-1);
    if (newest !== undefined) skill.shown = { ...skill.shown, latest_version_id: newest.id };
    return { id, type: 'skill_version_deleted' };
  }),

  route('GET /v1/skills/:skill/versions/:version/content', { beta }, ({ workspace, param }) => {
    const skill = findSkill(workspace, param('skill'));
    return new FileAnswer(zipped(skill.name, findSkillVersion(skill, param('version'))), 'application/zip', skill.name);
  }),
];

function displayNameOf(form: FormData): string | undefined {
  const [name, ...more] = form.getAll('display_name');
  if (name === undefined || name === '') return undefined;
  if (typeof name !== 'string' || more.length > 0 || name.length > 255 || /[\r\n]/.test(name)) {
    throw invalidRequest('display_name: expected one line of up to 255 characters');
  }
  return name;
}

/** choices.skillArchive */
function zipped(name: string, { files }: SkillVersionRecord): Uint8Array {
  const paths = [...files.keys()].sort();
  return zipSync(Object.fromEntries(paths.map((path) => [`${name}/${path}`, files.get(path) ?? new Uint8Array()])));
}
