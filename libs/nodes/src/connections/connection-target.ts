import { type NodeTarget, type Verdict } from '../node-kind.js';
import { CONNECTION_KINDS } from './kinds.js';

const VERDICTS: Readonly<Record<string, Verdict>> = {
  ConnectionFailed: 'unwell',
  AuthenticationFailed: 'well',
  PermissionDenied: 'well',
  TableNotFound: 'well',
  QueryFailed: 'well',
  ConstraintViolated: 'well',
};

/** The system that the connection of a node leads to. */
export const connectionTarget: NodeTarget = {
  of: (_config, connection) => connection && CONNECTION_KINDS.get(connection.kind)?.target(connection.config),
  verdict: ({ type }) => VERDICTS[type] ?? 'unknown',
};
