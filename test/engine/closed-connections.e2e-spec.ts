import { settleClosedConnections } from '@tauro/database';
import mongoose, { type mongo } from 'mongoose';
import { createRequire } from 'node:module';

interface DriverConnection {
  established: boolean;
  destroy(): void;
  writeCommand(...args: unknown[]): Promise<void>;
}

const driver = createRequire(createRequire(__filename).resolve('mongoose'));
const { Connection } = driver('mongodb/lib/cmap/connection.js') as {
  Connection: { prototype: DriverConnection };
};

/** Settles within 5 s, or says that it did not. */
const outcomeOf = (operation: Promise<unknown>): Promise<string> =>
  new Promise((resolve) => {
    const limit = setTimeout(() => resolve('waits for ever'), 5000);
    const settle = (outcome: string) => {
      clearTimeout(limit);
      resolve(outcome);
    };
    operation.then(
      () => settle('done'),
      (error: Error) => settle(error.constructor.name),
    );
  });

/** The driver makes such a moment by itself only when a server goes away while the process is busy. */
function closeAtNextWrite(when: 'before' | 'while waiting to drain'): jest.SpyInstance {
  const { writeCommand } = Connection.prototype;
  const spy = jest.spyOn(Connection.prototype, 'writeCommand');
  return spy.mockImplementation(function (this: DriverConnection, ...args) {
    const written = writeCommand.apply(this, args);
    if (this.established) {
      spy.mockRestore();
      // The command is turned into bytes in a microtask of its own, and written in the next.
      if (when === 'before') this.destroy();
      else setImmediate(() => this.destroy());
    }
    return written;
  });
}

describe('an operation whose connection to MongoDB is closed under it', () => {
  let client: mongo.MongoClient;
  let documents: mongo.Collection;

  beforeAll(async () => {
    settleClosedConnections();
    client = new mongoose.mongo.MongoClient(process.env.TEST_MONGODB_URL!, {
      retryWrites: false,
      maxPoolSize: 1,
      waitQueueTimeoutMS: 3000,
    });
    await client.connect();
    documents = client.db(`tauro_test_${Date.now()}`).collection('documents');
    await documents.insertOne({ first: true });
  });

  afterAll(async () => {
    await client.db(documents.dbName).dropDatabase();
    await client.close();
  });

  it('fails when it was not written yet, and gives its place in the pool back', async () => {
    closeAtNextWrite('before');
    expect(await outcomeOf(documents.insertOne({ second: true }))).toBe('MongoNetworkError');
    expect(await outcomeOf(documents.insertOne({ third: true }))).toBe('done');
  });

  it('fails while it waits for the socket to drain', async () => {
    closeAtNextWrite('while waiting to drain');
    const large = 'x'.repeat(15_000_000);
    expect(await outcomeOf(documents.insertOne({ large }))).toBe('MongoNetworkError');
    expect(await outcomeOf(documents.insertOne({ fourth: true }))).toBe('done');
  });
});
