import { type LookupAddress } from 'node:dns';
import { classifyAddress } from './addresses.js';
import { checkTarget, egressLookup } from './egress.js';

describe('addresses by what they reach', () => {
  it.each([
    ['8.8.8.8', 'public'],
    ['1.1.1.1', 'public'],
    ['172.32.0.1', 'public'],
    ['100.128.0.1', 'public'],
    ['2606:4700::1111', 'public'],
    ['::ffff:8.8.8.8', 'public'],
    ['64:ff9b::8.8.8.8', 'public'],
    ['2002:0808:0808::1', 'public'],
    ['127.0.0.1', 'private'],
    ['127.255.255.254', 'private'],
    ['0.0.0.0', 'private'],
    ['10.1.2.3', 'private'],
    ['100.64.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['192.168.1.1', 'private'],
    ['198.18.0.1', 'private'],
    ['224.0.0.1', 'private'],
    ['255.255.255.255', 'private'],
    ['::', 'private'],
    ['::1', 'private'],
    ['0:0:0:0:0:0:0:1', 'private'],
    ['fe80::1', 'private'],
    ['fe80::1%eth0', 'private'],
    ['fc00::1', 'private'],
    ['fd12:3456::1', 'private'],
    ['ff02::1', 'private'],
    ['2001::1', 'private'],
    ['::ffff:127.0.0.1', 'private'],
    ['::ffff:7f00:1', 'private'],
    ['::ffff:10.0.0.1', 'private'],
    ['::127.0.0.1', 'private'],
    ['64:ff9b::10.0.0.1', 'private'],
    ['2002:7f00:1::', 'private'],
    ['2002:c0a8:101::1', 'private'],
    ['not an address', 'private'],
    ['169.254.169.254', 'metadata'],
    ['169.254.170.2', 'metadata'],
    ['100.100.100.200', 'metadata'],
    ['192.0.0.192', 'metadata'],
    ['168.63.129.16', 'metadata'],
    ['fd00:ec2::254', 'metadata'],
    ['fd00:0ec2:0:0::254', 'metadata'],
    ['::ffff:169.254.169.254', 'metadata'],
    ['::ffff:a9fe:a9fe', 'metadata'],
    ['64:ff9b::a9fe:a9fe', 'metadata'],
    ['2002:a9fe:a9fe::', 'metadata'],
  ])('%s is %s', (address, kind) => expect(classifyAddress(address)).toBe(kind));
});

describe('targets by their URL', () => {
  const verdict = (url: string, allowPrivate: boolean): string => {
    try {
      checkTarget(new URL(url), allowPrivate);
      return 'allowed';
    } catch (error) {
      return (error as Error).message;
    }
  };

  it.each([
    ['http://example.com/', 'allowed', 'allowed'],
    ['https://8.8.8.8:8443/x', 'allowed', 'allowed'],
    ['http://127.0.0.1/', 'private or loopback', 'allowed'],
    ['http://2130706433/', '127.0.0.1', 'allowed'],
    ['http://0x7f.1/', '127.0.0.1', 'allowed'],
    ['http://0177.0.0.1/', '127.0.0.1', 'allowed'],
    ['http://127.1/', '127.0.0.1', 'allowed'],
    ['http://[::1]/', 'private or loopback', 'allowed'],
    ['http://[::ffff:127.0.0.1]/', 'private or loopback', 'allowed'],
    ['http://169.254.169.254/latest/meta-data', 'cloud metadata', 'cloud metadata'],
    ['http://2852039166/', 'cloud metadata', 'cloud metadata'],
    ['http://0xA9FEA9FE/', 'cloud metadata', 'cloud metadata'],
    ['http://[::ffff:169.254.169.254]/', 'cloud metadata', 'cloud metadata'],
    ['http://[fd00:ec2::254]/', 'cloud metadata', 'cloud metadata'],
    ['http://100.100.100.200/', 'cloud metadata', 'cloud metadata'],
    ['http://metadata.google.internal/', 'cloud metadata', 'cloud metadata'],
    ['http://METADATA.google.internal./', 'cloud metadata', 'cloud metadata'],
    ['ftp://example.com/', 'only http and https', 'only http and https'],
    ['file:///etc/passwd', 'only http and https', 'only http and https'],
  ])('%s', (url, strict, relaxed) => {
    expect(verdict(url, false)).toContain(strict);
    expect(verdict(url, true)).toContain(relaxed);
  });
});

describe('names after they are resolved', () => {
  const resolveTo = (...addresses: string[]): Parameters<typeof egressLookup>[1] =>
    ((_host: string, _options: object, done: (error: null, found: LookupAddress[]) => void) =>
      done(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      )) as never;
  const ask = (allowPrivate: boolean, ...addresses: string[]): Promise<unknown> =>
    new Promise((resolve) =>
      egressLookup(allowPrivate, resolveTo(...addresses))('some.name', { all: true }, (error, found) =>
        resolve(error ? error.message : found),
      ),
    );

  it('a name with only allowed addresses resolves', async () => {
    expect(await ask(false, '8.8.8.8')).toEqual([{ address: '8.8.8.8', family: 4 }]);
    expect(await ask(true, '127.0.0.1', '::1')).toHaveLength(2);
  });

  it('one forbidden address among others refuses the name', async () => {
    expect(await ask(false, '8.8.8.8', '10.0.0.1')).toContain('some.name (10.0.0.1)');
    expect(await ask(true, '8.8.8.8', '169.254.169.254')).toContain('cloud metadata');
    expect(await ask(false, '::ffff:127.0.0.1')).toContain('private or loopback');
  });

  it('answers with one address when one is asked for', async () => {
    const found = await new Promise((resolve) =>
      egressLookup(false, resolveTo('8.8.8.8'))('some.name', {}, (_error, address, family) =>
        resolve([address, family]),
      ),
    );
    expect(found).toEqual(['8.8.8.8', 4]);
  });
});
