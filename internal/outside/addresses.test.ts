import { describe, expect, test } from 'vitest';
import { isPublicAddress, permittedAddresses } from './addresses.ts';

describe('an address', () => {
  test.each([
    '1.1.1.1',
    '93.184.215.14',
    '100.63.255.255',
    '172.32.0.1',
    '192.167.255.255',
    '2606:4700:4700::1111',
    '2a00:1450:4001:80b::200e',
    '64:ff9b::1.1.1.1',
  ])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  test.each([
    ['this host', '0.0.0.0', '0.1.2.3', '::'],
    ['loopback', '127.0.0.1', '127.255.255.254', '::1'],
    ['private', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fd00::1', 'fc00::1', 'fec0::1'],
    ['link-local', '169.254.1.1', 'fe80::1', 'febf::1'],
    [
      'a metadata service',
      '169.254.169.254',
      '169.254.170.2',
      '100.100.100.200',
      '192.0.0.192',
      'fd00:ec2::254',
      'fd20:ce::254',
    ],
    ['the platform service of a cloud', '168.63.129.16', '64:ff9b::168.63.129.16'],
    ['carrier-grade NAT', '100.64.0.1', '100.127.255.255'],
    ['multicast and broadcast', '224.0.0.1', '239.255.255.250', '255.255.255.255', 'ff02::1'],
    ['documentation and tests', '192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '2001:db8::1', '3fff::1'],
    ['reserved', '192.0.0.1', '192.88.99.1', '240.0.0.1', '2001:2::1', '2001:1::1', '100::1', '4000::1', '5f00::1'],
    ['IPv4 inside IPv6', '::ffff:10.0.0.1', '::ffff:1.1.1.1', '::10.0.0.1', '::ffff:0:10.0.0.1'],
    ['6to4', '2002:a00:1::1', '2002:101:101::1'],
    ['Teredo', '2001::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
    ['translated IPv4 that is not public', '64:ff9b::10.0.0.1', '64:ff9b::169.254.169.254', '64:ff9b:1::1.1.1.1'],
    ['with a zone', 'fe80::1%eth0', 'fe80::1%eth0.1', '2606:4700:4700::1111%1'],
    ['no address', '', 'localhost', '0177.0.0.1', '2130706433', '10.1', '[::1]', '1.1.1.1.'],
  ])('of the kind "%s" is not public: %s [connecting]', (_kind, ...addresses) => {
    expect(addresses.filter(isPublicAddress)).toEqual([]);
  });
});

describe('a name', () => {
  const found = (...addresses: string[]) =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

  test('has the addresses that were checked, looked up once [connecting]', async () => {
    const answers = [found('1.1.1.1', '2606:4700:4700::1111'), found('127.0.0.1')];
    const asked: string[] = [];
    const resolve = async (host: string) => {
      asked.push(host);
      return answers.shift() ?? [];
    };
    const addresses = await permittedAddresses('rebinding.example', { resolve });
    expect(addresses).toEqual(found('1.1.1.1', '2606:4700:4700::1111'));
    expect(asked).toEqual(['rebinding.example']);
  });

  test.each([
    [['10.0.0.1'], '10.0.0.1'],
    [['1.1.1.1', '10.0.0.1'], '10.0.0.1'],
    [['2606:4700:4700::1111', '::1', '1.1.1.1'], '::1'],
    [['fe80::1%eth0'], 'fe80::1%eth0'],
  ])('of %j is refused, naming %s', async (addresses, refused) => {
    await expect(
      permittedAddresses('inside.example', { resolve: async () => found(...addresses) }),
    ).rejects.toMatchObject({
      code: 'url_refused',
      message: `"inside.example" leads to "${refused}", which is not a public address`,
    });
  });

  test('without an address is not there', async () => {
    await expect(permittedAddresses('nowhere.example', { resolve: async () => [] })).rejects.toMatchObject({
      code: 'ENOTFOUND',
    });
  });

  test('of this machine is refused as the system knows it', async () => {
    await expect(permittedAddresses('localhost')).rejects.toMatchObject({ code: 'url_refused' });
  });

  test('that is an address is judged without a lookup', async () => {
    const never = () => Promise.reject(new Error('looked up'));
    expect(await permittedAddresses('1.1.1.1', { resolve: never })).toEqual(found('1.1.1.1'));
    await expect(permittedAddresses('10.0.0.1', { resolve: never })).rejects.toMatchObject({
      message: '"10.0.0.1" is not a public address',
    });
  });

  test.each(['10.1.2.3', '172.16.0.1', '192.168.0.9', 'fd12:3456::1'])(
    'that the configuration names may lead into the network of its own: %s [connecting]',
    async (address) => {
      const resolve = async () => found(address);
      expect(await permittedAddresses('sso.example', { resolve, internal: true })).toEqual(found(address));
    },
  );

  test.each([
    '127.0.0.1',
    '::1',
    '169.254.169.254',
    'fe80::1',
    '100.64.0.1',
    '168.63.129.16',
    '0.0.0.0',
    '224.0.0.1',
    'fd00::1%eth0',
    'fd00:ec2::254',
    'fd00:ec2::23',
    'fd20:ce::254',
    'fd00:c1::a9fe:a9fe',
    'fd00:42::42',
  ])(
    'may never lead to this machine, its link or a metadata service, whoever names it: %s [connecting]',
    async (address) => {
      const resolve = async () => found(address);
      await expect(permittedAddresses('sso.example', { resolve, internal: true })).rejects.toMatchObject({
        code: 'url_refused',
      });
    },
  );
});
