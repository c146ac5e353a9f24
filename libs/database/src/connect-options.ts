import { type Env } from '@tauro/platform';
import { type ConnectOptions } from 'mongoose';

/**
 * How every process talks to MongoDB. Writes are acknowledged by a majority and journalled unless one says
 * otherwise, so what the API promised survives a crash of the primary.
 */
export function connectOptions(env: Env): ConnectOptions {
  return {
    dbName: env.MONGODB_DATABASE,
    maxPoolSize: env.MONGODB_POOL_SIZE,
    maxIdleTimeMS: env.MONGODB_MAX_IDLE_TIME * 1000,
    // A client should hear of an outage soon; a worker asks again by itself.
    serverSelectionTimeoutMS: Math.min(env.MONGODB_TIMEOUT * 1000, 2000),
    connectTimeoutMS: env.MONGODB_TIMEOUT * 1000,
    socketTimeoutMS: env.MONGODB_TIMEOUT * 1000,
    writeConcern: { w: 'majority', journal: true },
    // The driver would repeat a write on a primary that may have forgotten what the write was concluded from. Whoever
    // wrote decides: a worker looks again, a client gets a 503 and repeats its request.
    retryWrites: false,
    autoIndex: false,
    autoCreate: false,
    // A model call while the store is away fails at once; the caller answers 503 or tries again later.
    bufferCommands: false,
  };
}
