import { configFaults, nextEnvironment } from './config.js';
import { type JsonObject } from './pipeline.js';

const faulty = (data: JsonObject): string[] =>
  configFaults(data).map(({ field, type }) => `${field} ${type}`);

describe('a config', () => {
  it.each<[JsonObject, string]>([
    [{ password: 'x' }, 'data.password'],
    [{ db: { PASSWORD: 'x' } }, 'data.db.PASSWORD'],
    [{ db_password: 12345 }, 'data.db_password'],
    [{ apiKey: 'abc' }, 'data.apiKey'],
    [{ 'api-key': 'abc' }, 'data.api-key'],
    [{ list: [{ fine: 1 }, { secret: 's' }] }, 'data.list.1.secret'],
    [{ tokens: ['a'] }, 'data.tokens.0'],
    [{ clientSecret: '{{ params.x }}' }, 'data.clientSecret'],
    [{ note: '-----BEGIN RSA PRIVATE KEY-----\nabc' }, 'data.note'],
    [{ key_id: 'AKIAABCDEFGHIJKLMNOP' }, 'data.key_id'],
    [{ dsn: 'postgresql://ana:pw@db/x' }, 'data.dsn'],
  ])('with a secret in the clear is refused by its place: %j', (data, field) => {
    expect(faulty(data)).toEqual([`${field} plain_secret`]);
  });

  it.each<JsonObject>([
    { password: '{{ secrets.db }}' },
    { header: { token: 'Bearer {{secrets.api-token}}' } },
    { dsn: 'postgresql://ana:{{ secrets.db }}@db/x' },
    { token_url: 'https://idp.example.com/token', secret_name: 'db', max_tokens: 100, password: null },
    { password: '', passwords_expire: true, tokenizer: 'bpe', url: 'https://example.com:8443/a@b' },
  ])('that only refers to secrets is fine: %j', (data) => {
    expect(faulty(data)).toEqual([]);
  });

  it('has keys that a template can name, and a bounded size', () => {
    expect(faulty({ a: { $gt: 1 }, 'b.c': 2, '': 3 })).toEqual([
      'data.a.$gt value_error',
      'data.b.c value_error',
      'data. value_error',
    ]);
    expect(faulty({ text: 'x'.repeat(300_000) })).toEqual(['data too_long']);
  });

  it('is promoted from one environment to the next', () => {
    expect([nextEnvironment('dev'), nextEnvironment('staging'), nextEnvironment('prod')]).toEqual([
      'staging',
      'prod',
      undefined,
    ]);
  });
});
