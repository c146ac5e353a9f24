import { storeError } from './store-errors.js';

const named = (name: string, message = 'x', more: object = {}): Error =>
  Object.assign(new Error(message), { name, ...more });

describe('errors of the stores', () => {
  it.each([
    named('MongoNetworkError'),
    named('MongoServerSelectionError'),
    named('MongooseServerSelectionError'),
    named(
      'MongooseError',
      'Cannot call `runs.find()` before initial connection is complete if `bufferCommands = false`',
    ),
    named('MongoServerError', 'not primary', { code: 10107 }),
    named('Error', 'connect ECONNREFUSED', { code: 'ECONNREFUSED' }),
    named('Error', 'Connection is closed.'),
    named('Error', 'the database was interrupted; what was read may have been undone'),
    named('Error', "Stream isn't writeable and enableOfflineQueue options is false"),
    named('Error', 'wrapped', { cause: named('MongoNetworkError') }),
    named('MongoBulkWriteError', 'wrapped', { errorResponse: named('MongoNetworkError') }),
  ])('are 503 when the store is away: $name $message', (error) => {
    expect(storeError(error)?.code).toBe('SERVICE_UNAVAILABLE');
  });

  it('are a conflict when an index refuses a duplicate, without telling which', () => {
    const error = storeError(
      named('MongoServerError', 'E11000 dup key: { name_key: "secret" }', { code: 11000 }),
    );
    expect(error?.code).toBe('CONFLICT');
    expect(error?.message).not.toContain('secret');
  });

  it.each([
    new TypeError('x is not a function'),
    named('MongoServerError', 'bad $set', { code: 9 }),
    'text',
    undefined,
  ])('are nothing of the kind otherwise: %s', (error) => expect(storeError(error)).toBeUndefined());
});
