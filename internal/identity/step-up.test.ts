import { expect, test } from 'vitest';
import type { Proof, ProofChoice, Proven } from './proof.ts';
import { stepUp } from './step-up.ts';

function provenAs(subject: string, acr?: string): Proven {
  const assurance = { acr, amr: [], authTime: undefined };
  const principal = {
    kind: 'sso' as const,
    issuer: 'https://idp.example',
    subject,
    groups: [],
    label: subject,
    assurance,
  };
  return { principal, source: 'fresh', expiresAt: undefined, keptIn: undefined, token: undefined };
}

/** A proof that ends with this one, and what it was asked for. */
function proofOf(proven: Proven): { proof: Proof; choices: (ProofChoice | undefined)[] } {
  const choices: (ProofChoice | undefined)[] = [];
  const prove = async (choice?: ProofChoice) => {
    choices.push(choice);
    return proven;
  };
  return { proof: { prove, async abandon() {} }, choices };
}

const gold = { acr: ['gold'] };

test.each([
  ['nothing more is needed', undefined],
  ['it shows what is needed', gold],
])('nobody is asked again where %s', async (_case, needed) => {
  const first = provenAs('ada', 'gold');
  const { proof, choices } = proofOf(first);
  expect([await stepUp(proof, first, needed), choices]).toEqual([first, []]);
});

test('a sign-in that shows less is made again, with what is needed [P2]', async () => {
  const second = provenAs('ada', 'gold');
  const { proof, choices } = proofOf(second);
  expect([await stepUp(proof, provenAs('ada'), gold), choices]).toEqual([second, [{ requirement: gold }]]);
});

test.each([
  ['another subject', provenAs('mallory', 'gold')],
  [
    'the subject of another issuer',
    { ...provenAs('ada', 'gold'), principal: { ...provenAs('ada').principal, issuer: 'https://other.example' } },
  ],
])('is not gone on with as %s [P2]', async (_case, other) => {
  await expect(stepUp(proofOf(other).proof, provenAs('ada'), gold)).rejects.toMatchObject({ code: 'identity_refused' });
});
