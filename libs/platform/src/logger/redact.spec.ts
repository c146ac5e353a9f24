import { redact } from './redact.js';

const redacted = (record: object): unknown => JSON.parse(redact(JSON.stringify(record)));

describe('redact', () => {
  it.each([
    [{ authorization: 'Bearer abc' }, { authorization: '[redacted]' }],
    [{ headers: { 'x-api-key': 'abc' } }, { headers: { 'x-api-key': '[redacted]' } }],
    [{ a: { b: { client_secret: 'x"y\\z' } } }, { a: { b: { client_secret: '[redacted]' } } }],
    [
      { 'set-cookie': ['a=1', 'b=2'], n: 1 },
      { 'set-cookie': '[redacted]', n: 1 },
    ],
    [
      { accessToken: '', password: 'p' },
      { accessToken: '[redacted]', password: '[redacted]' },
    ],
    [{ message: 'mongodb://root:pa$$@db:27017/x' }, { message: 'mongodb://[redacted]@db:27017/x' }],
    [{ message: 'redis://:pw@cache' }, { message: 'redis://[redacted]@cache' }],
    [{ message: 'sent Bearer eyJhbGciOiJIUzI1NiJ9.e30.x' }, { message: 'sent Bearer [redacted]' }],
    [{ message: '{"password":"p","user":"u"}' }, { message: '{"password":"[redacted]","user":"u"}' }],
  ])('hides what is secret in %j', (record, expected) => expect(redacted(record)).toEqual(expected));

  it.each([
    { message: 'GET /api/v1/runs 200', request_id: 'req_1' },
    { message: 'http://localhost:8000/docs', tokens: 5 },
    { message: 'the password is wrong', error: { type: 'TokenError' } },
    { a: 'x"y\\', b: ['http://h:80/p@q'] },
  ])('leaves %j alone', (record) => expect(redacted(record)).toEqual(record));
});
