/**
 * What is in the arguments of a call that should not leave unseen. Secrets are found by the rules that look through skills
 * (secretlint, and patterns for what it leaves out); personal data by checks of the library `validator`: an e-mail address, an
 * IBAN with the right check digits, the number of a card (Luhn). Words that could be one are short, so each check is.
 */

import validator from 'validator';
import type { Detector } from '../policy/rules/judge.ts';
import { secrets } from '../skills/scan/secrets.ts';

/** Longer arguments are left to a person. */
const longestText = 1024 * 1024;

/** What one detector finds in the arguments, in words that repeat nothing of it. */
export async function detect(detector: Detector, input: unknown): Promise<readonly string[] | { failed: string }> {
  const texts = textsIn(input);
  if (texts === undefined) return { failed: 'its arguments are nested too deep' };
  const whole = texts.join('\n');
  if (whole.length > longestText) return { failed: `its arguments are too long to look for ${detector}` };
  if (detector === 'personal_data') return personalDataIn(whole);
  const hits = await secrets({ path: 'arguments', text: whole, encoding: 'unicode' });
  return hits.map(({ what }) => what);
}

const deepest = 64;

/** Every text and number in a value, and every name, each on a line: a name and its value as `name: value`. */
function textsIn(value: unknown, name = '', depth = 0): string[] | undefined {
  if (depth > deepest) return undefined;
  if (typeof value !== 'object' || value === null) return [name === '' ? String(value) : `${name}: ${String(value)}`];
  const found: string[] = [];
  for (const [key, each] of Object.entries(value)) {
    const inside = textsIn(each, Array.isArray(value) ? name : key, depth + 1);
    if (inside === undefined) return undefined;
    if (typeof each === 'object' && !Array.isArray(value)) found.push(key);
    found.push(...inside);
  }
  return found;
}

function personalDataIn(text: string): string[] {
  const found = new Set<string>();
  for (const word of text.split(/[\s<>()[\]{}"',;:|=]/)) {
    if (word.includes('@') && word.length <= 254 && validator.isEmail(word.replace(/[.!?]+$/, '')))
      found.add('an e-mail address');
  }
  // IBANs and numbers of cards are written in groups.
  for (const [run] of text.matchAll(/[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]){10,32}/gi)) {
    for (let length = 15; length <= 34; length += 1) {
      const iban = run.replace(/[ -]/g, '').slice(0, length).toUpperCase();
      if (iban.length === length && validator.isIBAN(iban)) found.add('an IBAN');
    }
  }
  for (const [run] of text.matchAll(/(?<![0-9])[0-9](?:[ -]?[0-9]){11,18}(?![0-9])/g)) {
    if (validator.isCreditCard(run.replace(/[ -]/g, ''))) found.add('the number of a card');
  }
  return [...found];
}
