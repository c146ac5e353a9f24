import { DomainError } from '@tauro/domain';

/** The names that the drivers of MongoDB and Redis give to "I cannot reach the store". */
const CONNECTION_ERRORS = new Set([
  'MongoNetworkError',
  'MongoNetworkTimeoutError',
  'MongoServerSelectionError',
  'MongoTopologyClosedError',
  'MongoNotConnectedError',
  'MongoClientClosedError',
  'MongoPoolClearedError',
  'MongoPoolClosedError',
  'PoolClearedOnNetworkError',
  'MongoWaitQueueTimeoutError',
  'MongooseServerSelectionError',
  'DisconnectedError',
  'MaxRetriesPerRequestError',
  'ClusterAllFailedError',
]);
const SYSTEM_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN']);
/** NotWritablePrimary, interrupted by a step-down, shutting down: MongoDB is there but nobody leads. */
const LEADERLESS = new Set([91, 189, 10058, 10107, 11600, 11602, 13435, 13436]);
const MESSAGES =
  /the database was interrupted|bufferCommands = false|buffering timed out|Connection is closed|Stream isn't writeable|enableOfflineQueue|must be connected/i;

interface DriverError extends Error {
  code?: string | number;
  cause?: unknown;
  /** What a write of many was ended by, when it was not one of them. */
  errorResponse?: unknown;
}

/** What the error of a store means to a client, or undefined when it is no such error. */
export function storeError(error: unknown): DomainError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, code, message, cause, errorResponse } = error as DriverError;
  if (code === 11000)
    return new DomainError('CONFLICT', 'Something with the same unique name already exists');
  const unreachable =
    CONNECTION_ERRORS.has(name) ||
    (typeof code === 'string' ? SYSTEM_CODES.has(code) : LEADERLESS.has(code ?? 0)) ||
    MESSAGES.test(message);
  if (unreachable) {
    return new DomainError(
      'SERVICE_UNAVAILABLE',
      'A store is not reachable at the moment; try again shortly',
    );
  }
  const inner = [cause, errorResponse].find((one) => one instanceof Error && one !== error);
  return storeError(inner);
}
