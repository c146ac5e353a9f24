import { types } from 'node:util';
import { MongoServerError, MongoServerSelectionError } from 'mongodb';
import { type OpenConnection } from '../connections/connection-kind.js';
import { networkFault } from '../connections/network-fault.js';
import { NodeError } from '../node-kind.js';

type Told = [type: string, retryable: boolean];

const TOLD: readonly (readonly [Told, readonly number[]])[] = [
  [
    ['AuthenticationFailed', false],
    [11, 18, 33],
  ],
  [
    ['PermissionDenied', false],
    [13, 31, 8000],
  ],
  [
    ['TableNotFound', false],
    [26, 73],
  ],
  [
    ['ConstraintViolated', false],
    [121, 11_000, 11_001],
  ],
  [
    ['BadValue', false],
    [17_280, 10_334, 17_419, 17_420, 52, 57],
  ],
  [
    ['QueryFailed', true],
    [24, 43, 46, 50, 112, 175, 225, 237, 244, 251, 262],
  ],
  [
    ['ConnectionFailed', true],
    [6, 7, 89, 91, 189, 9001, 10_058, 10_107, 11_600, 11_602, 13_435, 13_436],
  ],
];
const BY_CODE = new Map(TOLD.flatMap(([told, codes]) => codes.map((code) => [code, told] as const)));

/** Any failure in words that name the connection and the cause, and no secret. */
export function databaseError(error: unknown, { name }: OpenConnection): unknown {
  const cause = causeOf(error);
  if (cause instanceof NodeError || !types.isNativeError(cause)) return cause;
  const what = `connection '${name}'`;
  if (cause instanceof MongoServerError) {
    const [type, retryable] = BY_CODE.get(Number(cause.code)) ?? ['QueryFailed', false];
    return new NodeError(type, `${what}: ${cause.message.slice(0, 500)}`, retryable);
  }
  const fault = networkFault(cause, what);
  if (fault) return fault;
  if (/^Mongo(?:Network|ServerSelection|Topology|Pool|ClientClosed)/.test(cause.name)) {
    return new NodeError('ConnectionFailed', `${what}: ${cause.message.slice(0, 500)}`);
  }
  return /^Mongo|^BSON/.test(cause.name)
    ? new NodeError('QueryFailed', `${what}: ${cause.message.slice(0, 500)}`, false)
    : cause;
}

/** What the driver wraps: the reason why no server was found, and what the system said. */
function causeOf(error: unknown): unknown {
  if (error instanceof MongoServerSelectionError) {
    const seen = [...(error.reason?.servers.values() ?? [])].map((server) => server.error);
    const first = seen.find((one) => one !== null && one !== undefined);
    if (first) return causeOf(first);
  }
  const { cause } = (error ?? {}) as { cause?: unknown };
  return types.isNativeError(cause) && !(error instanceof MongoServerError) ? causeOf(cause) : error;
}
