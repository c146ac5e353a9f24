import { types } from 'node:util';
import { NodeError } from '../node-kind.js';
import { type OpenConnection } from '../connections/connection-kind.js';
import { networkFault } from '../connections/network-fault.js';

/** What the driver says besides the message. */
export interface ServerFault extends Error {
  code?: string;
  /** Of the server, from 1000 on. */
  errno?: number;
  sqlMessage?: string;
}

type Told = [type: string, retryable: boolean];

const TOLD: readonly (readonly [Told, readonly number[]])[] = [
  [
    ['AuthenticationFailed', false],
    [1044, 1045, 1049, 1130, 1251, 1698, 1820, 1862, 3118, 4151],
  ],
  [
    ['PermissionDenied', false],
    [1142, 1143, 1227, 1370],
  ],
  [
    ['TableNotFound', false],
    [1051, 1146],
  ],
  [['ColumnNotFound', false], [1054]],
  [['DuplicateColumn', false], [1060]],
  [
    ['ConstraintViolated', false],
    [1048, 1062, 1169, 1216, 1217, 1364, 1451, 1452, 1557, 1586, 3819, 4025],
  ],
  [
    ['BadValue', false],
    [1264, 1265, 1292, 1366, 1367, 1406, 1411, 1416, 1425, 1427, 1439, 1690, 3140, 3141, 3156, 4078],
  ],
  [
    ['QueryFailed', true],
    [1050, 1205, 1213, 1969, 3024, 3058, 3572],
  ],
  [
    ['ConnectionFailed', true],
    [1040, 1053, 1077, 1158, 1159, 1160, 1161, 1203, 1226, 1290, 1317, 1927],
  ],
];
const BY_NUMBER = new Map(
  TOLD.flatMap(([told, numbers]) => numbers.map((number) => [number, told] as const)),
);

/** What the driver says when it was never let in, or no more. */
const LOST: Readonly<Record<string, [reason: string, retryable: boolean]>> = {
  PROTOCOL_CONNECTION_LOST: ['the server closed the connection', true],
  ETIMEDOUT: ['the server did not answer in time', true],
  HANDSHAKE_NO_SSL_SUPPORT: ['the server does not support TLS', false],
  ER_HANDSHAKE_ERROR: ['the server speaks another protocol', false],
};

/** Any failure in words that name the connection and the cause, and no secret. */
export function databaseError(error: unknown, { name }: OpenConnection): unknown {
  if (error instanceof NodeError || !types.isNativeError(error)) return error;
  const { errno = 0, code = '', sqlMessage, message } = error as ServerFault;
  const lost = errno < 1000 ? LOST[code] : undefined;
  if (lost) return new NodeError('ConnectionFailed', `connection '${name}': ${lost[0]}`, lost[1]);
  if (errno < 1000) return networkFault(error, `connection '${name}'`) ?? error;
  const [type, retryable] = BY_NUMBER.get(errno) ?? ['QueryFailed', false];
  return new NodeError(type, `connection '${name}': ${(sqlMessage ?? message).slice(0, 1000)}`, retryable);
}
