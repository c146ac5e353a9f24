import { type NodeTarget, type Verdict } from '../node-kind.js';
import { CONNECTION_KINDS } from './kinds.js';

const VERDICTS: Readonly<Record<string, Verdict>> = {
  ConnectionFailed: 'unwell',
  AuthenticationFailed: 'well',
  PermissionDenied: 'well',
  TableNotFound: 'well',
  QueryFailed: 'well',
  ConstraintViolated: 'well',
  SparkFailed: 'well',
};

/** The system that the connection of a node leads to. */
export const connectionTarget: NodeTarget = {
  of: (_config, connection) => connection && CONNECTION_KINDS.get(connection.kind)?.target(connection.config),
  verdict({ type, retryable }) {
    // A status that a later try may change is the server's trouble; any other is the caller's.
    if (type === 'HttpStatus') return retryable ? 'unwell' : 'well';
    return VERDICTS[type] ?? 'unknown';
  },
};
