/** Rules between the keys of `identity.workloads`. */
import type { Interface, Workload } from './definitions.ts';
import type { Finding } from './mistake.ts';

/** What every token is checked for in any case; a claim here could only say the same again. */
const alwaysChecked = ['iss', 'aud', 'exp', 'iat', 'nbf'];

/**
 * Issuers that sign for everybody in the world, and the claims of which one at least says whose job it is. What names a
 * workflow is not among them: anybody may call one that is public.
 */
const publicIssuers: Readonly<Record<string, readonly string[]>> = {
  'https://token.actions.githubusercontent.com': [
    'sub',
    'repository',
    'repository_id',
    'repository_owner',
    'repository_owner_id',
    'enterprise',
    'enterprise_id',
  ],
  'https://gitlab.com': ['sub', 'project_path', 'project_id', 'namespace_path', 'namespace_id'],
  'https://accounts.google.com': ['sub', 'email'],
  'https://agent.buildkite.com': ['sub', 'organization_slug', 'organization_id', 'pipeline_id'],
  // Teams may have an issuer of their own there; this is that of all the others.
  'https://oidc.vercel.com': ['sub', 'owner', 'owner_id', 'project_id'],
  'https://app.terraform.io': ['sub', 'terraform_organization_name', 'terraform_organization_id'],
};

/** The mistakes of the workloads and of what is said about them elsewhere in the file. */
export function workloadFindings({ identity, people }: Partial<Interface>): Finding[] {
  if (identity === undefined || identity.mode === 'os') return [];
  const findings = (identity.workloads ?? []).flatMap((workload, index) => findingsOf(workload, index, identity));
  if (identity.mode !== 'workload') return findings;
  // A subject is a person's; what a job may do, the groups of its entry say.
  const problem =
    'with identity mode workload nobody has a subject of their own: give the workload a group, and list that';
  for (const subject of Object.keys(people?.principals ?? {})) {
    findings.push({ path: ['people', 'principals', subject], problem, atKey: true });
  }
  for (const index of (people?.operators?.principals ?? []).keys()) {
    findings.push({ path: ['people', 'operators', 'principals', index], problem });
  }
  return findings;
}

function findingsOf(
  { issuer, audience, claims, token }: Workload,
  index: number,
  identity: Exclude<Interface['identity'], { mode: 'os' }>,
): Finding[] {
  const findings: Finding[] = [];
  const at = (...path: (string | number)[]) => ['identity', 'workloads', index, ...path];
  for (const name of Object.keys(claims).filter((each) => alwaysChecked.includes(each))) {
    findings.push({ path: at('claims', name), problem: 'is checked in any case and cannot be set here', atKey: true });
  }
  const telling = publicIssuers[issuer];
  if (Object.keys(claims).length === 0) {
    findings.push({
      path: at('claims'),
      problem: 'expected one claim at least: any job of this issuer would be let in',
    });
  } else if (telling !== undefined && !telling.some((name) => Object.hasOwn(claims, name))) {
    const problem = `expected one of ${telling.join(', ')} among them: ${new URL(issuer).host} signs for everybody`;
    findings.push({ path: at('claims'), problem });
  }
  if (token === 'github-actions' && issuer === 'https://gitlab.com') {
    findings.push({ path: at('token'), problem: 'the runner of GitHub Actions has no tokens of gitlab.com' });
  }
  if (identity.mode === 'sso' && issuer === identity.issuer && audience === identity.client_id) {
    const problem = "is identity.client_id: a person's own ID token would be taken for that of a job";
    findings.push({ path: at('audience'), problem });
  }
  return findings;
}
