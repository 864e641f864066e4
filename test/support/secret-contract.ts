/** What every place for secrets has to do, and what those who keep one make of what they find. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { knownClients } from '../../internal/connection/client/known-clients.ts';
import { keptPlace } from '../../internal/identity/kept-place.ts';
import { Secret } from '../../internal/secret/secret.ts';
import { type KeptSecrets, SecretUnavailable } from '../../internal/stores/kept-secret.ts';

/** A place, as several runs see it. */
export interface SecretPlace {
  open(): KeptSecrets;
  /** All that the place has written down, as whoever steals it would read it; left out where it stands nowhere. */
  stolen?(): Promise<string>;
  /** From now on the place cannot be used. */
  breakDown(): Promise<void>;
  close?(): Promise<void>;
}

/** Runs the contract against empty places that `begin` makes. */
export function secretContract(name: string, begin: () => Promise<SecretPlace>): void {
  describe(`${name}:`, () => {
    let place: SecretPlace;
    let one: KeptSecrets;
    let two: KeptSecrets;
    beforeEach(async () => {
      place = await begin();
      [one, two] = [place.open(), place.open()];
    });
    afterEach(() => place.close?.());

    test('a secret is read as it was written, by every run, until it is removed', async () => {
      const secret = one('a name');
      expect(await secret.read()).toBeUndefined();
      for (const value of ['a value', 'é\u{1f600}\n"\\ ', 'x'.repeat(20_000)]) {
        await secret.write(new Secret(value));
        expect([(await secret.read())?.reveal(), (await two('a name').read())?.reveal()]).toEqual([value, value]);
      }
      await two('a name').remove();
      expect(await secret.read()).toBeUndefined();
      await secret.remove();
    });

    test('names that differ at all are different', async () => {
      const names = [
        'a',
        'A',
        'a ',
        'a.',
        'a/b',
        'a/../b',
        'b',
        'é',
        'e\u0301',
        'client at https://a for b, by device code',
      ];
      for (const each of names) await one(each).write(new Secret(`value of ${JSON.stringify(each)}`));
      for (const each of names) {
        expect((await two(each).read())?.reveal()).toBe(`value of ${JSON.stringify(each)}`);
      }
    });

    test('a secret stands nowhere in clear, nor does what it is of show in it [P3]', async () => {
      await one('a name').write(new Secret('sentinel-of-a-secret'));
      expect((await place.stolen?.()) ?? '').not.toContain('sentinel-of-a-secret');
    });

    test('what cannot be used says so, and hinders nobody who keeps something there', async () => {
      await place.breakDown();
      await expect(one('a name').read()).rejects.toThrow(SecretUnavailable);
      await expect(one('a name').write(new Secret('a value'))).rejects.toThrow(SecretUnavailable);
      const said: string[] = [];
      const say = (text: string) => void said.push(text);
      const signIn = keptPlace(one('a name'), say);
      const clients = knownClients(one, { detail: say, warn: say });
      const client = { issuer: 'https://as.example', mcpServerUrl: 'https://mcp.example/mcp', redirect: undefined };
      expect([await signIn.read(), await signIn.write(new Secret('a value')), await clients.find(client)]).toEqual([
        undefined,
        false,
        undefined,
      ]);
      expect(said).toEqual([
        expect.stringContaining('no sign-in is kept'),
        expect.stringContaining('no client is remembered'),
      ]);
    });

    test.each(['', '{', 'null', '[]', '{"version":2}', '\u0000'])(
      'what is no sign-in and no client is none: %j',
      async (text) => {
        const said: string[] = [];
        const say = (line: string) => void said.push(line);
        await two('a name').write(new Secret(text));
        expect(await keptPlace(one('a name'), say).read()).toBeUndefined();
        expect(said).toEqual([expect.stringContaining('cannot be read and is not used')]);
        const client = { issuer: 'https://as.example', mcpServerUrl: 'https://mcp.example/mcp', redirect: undefined };
        await knownClients(() => two('a name'), { detail: say, warn: say }).find(client);
        expect(await knownClients(() => one('a name'), { detail: say, warn: say }).find(client)).toBeUndefined();
      },
    );
  });
}
