import { createHash, createHmac } from 'node:crypto';
import { type Json, type JsonObject } from '@tauro/domain';
import { NodeHarness } from '../../tables/node-harness.js';

jest.setTimeout(30_000);

let harness: NodeHarness;
const PEOPLE = [
  { id: 1, mail: 'ann@example.com', phone: '+47 555 12 345' },
  { id: 2, mail: 'Zoë 😀', phone: '12' },
  { id: 3, mail: '', phone: null },
];

beforeAll(async () => {
  harness = await NodeHarness.create();
  await harness.table('people', PEOPLE);
});
afterAll(() => harness.close());

const transform = (...transformations: Json[]): Promise<JsonObject[]> =>
  harness.process({ transformations }, ['people']);
const column = async (name: string, transformation: Json): Promise<Json[]> =>
  (await transform(transformation)).map((row) => row[name]!);

describe('hash', () => {
  it.each(['sha256', 'md5'])('by %s is what everybody else makes of the same text', async (algorithm) => {
    const digest = (text: string): string => createHash(algorithm).update(text).digest('hex');
    expect(await column('mail', { type: 'hash', columns: ['mail'], algorithm })).toEqual(
      PEOPLE.map(({ mail }) => digest(mail)),
    );
  });

  it.each([
    ['sha256', 'k'],
    ['md5', 'ключ 🗝'],
    ['sha256', 'as long as a block of the hash, which is sixty-four bytes: 64 ok'],
    ['md5', 'longer than a block '.repeat(20)],
    ['sha256', "with a ' quote and \\ backslash"],
  ])('by %s with the key %j is an HMAC', async (algorithm, key) => {
    const digest = (text: string): string => createHmac(algorithm, key).update(text).digest('hex');
    expect(await column('mail', { type: 'hash', columns: ['mail'], algorithm, key })).toEqual(
      PEOPLE.map(({ mail }) => digest(mail)),
    );
  });

  it('leaves null and other columns alone, and takes what is no text by its text', async () => {
    const rows = await transform({ type: 'hash', columns: ['phone', 'ID'] });
    expect(rows[2]).toEqual({
      id: createHash('sha256').update('3').digest('hex'),
      mail: '',
      phone: null,
    });
    expect(harness.columns('out').map(({ type }) => type)).toEqual(['VARCHAR', 'VARCHAR', 'VARCHAR']);
  });

  it('says nothing of its key when something is wrong', async () => {
    const hash = { type: 'hash', columns: ['mial'], key: 'very secret' };
    expect(await harness.failure(transform('normalize', hash))).toBe(
      "ColumnNotFound: transformations.1 (hash): columns: column 'mial' does not exist (columns: id, mail, phone)",
    );
    await transform({ ...hash, columns: ['mail'] });
    expect(harness.logs.join('\n')).not.toContain('very secret');
  });
});

describe('mask', () => {
  it.each<[JsonObject, (string | null)[]]>([
    [{}, ['**************', '**', null]],
    [{ keep_last: 3 }, ['***********345', '**', null]],
    [{ keep_first: 3 }, ['+47***********', '**', null]],
    [{ keep_first: 1, keep_last: 1, character: '#' }, ['+############5', '##', null]],
    [{ keep_first: 1, character: '•' }, ['+•••••••••••••', '1•', null]],
    [{ replacement: "'" }, ["'", "'", null]],
    [{ replacement: '' }, ['', '', null]],
  ])('%j', async (options, expected) => {
    expect(await column('phone', { type: 'mask', columns: ['phone'], ...options })).toEqual(expected);
  });

  it('counts characters, not bytes, and covers what is no text', async () => {
    expect(await column('mail', { type: 'mask', columns: ['mail'], keep_first: 2 })).toEqual([
      'an*************',
      'Zo***',
      '',
    ]);
    expect(await column('id', { type: 'mask', columns: ['id'] })).toEqual(['*', '*', '*']);
  });

  it('does not take two ways to cover', async () => {
    const both = { type: 'mask', columns: ['mail'], replacement: 'x', keep_last: 1 };
    expect(await harness.failure(transform(both))).toBe(
      'InvalidConfig: transformations.0 (mask): replacement covers the whole value; leave out keep_first, keep_last ' +
        'and character',
    );
  });
});
