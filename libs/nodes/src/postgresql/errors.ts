import { NodeError } from '../node-kind.js';
import { type OpenConnection } from '../connections/connection-kind.js';
import { networkFault } from '../connections/network-fault.js';

/** What the server says besides the message. */
interface ServerFault extends Error {
  code?: string;
  detail?: string;
  column?: string;
}

type Told = [type: string, retryable: boolean];

/** By SQLSTATE, or the two characters of its class. */
const STATES: Readonly<Record<string, Told>> = {
  '28P01': ['AuthenticationFailed', false],
  '28': ['AuthenticationFailed', false],
  '3D000': ['AuthenticationFailed', false],
  '42501': ['PermissionDenied', false],
  '42P01': ['TableNotFound', false],
  '3F000': ['TableNotFound', false],
  '42703': ['ColumnNotFound', false],
  '23': ['ConstraintViolated', false],
  '22': ['BadValue', false],
  '40': ['QueryFailed', true],
  '53': ['ConnectionFailed', true],
  '55': ['QueryFailed', true],
  '57': ['ConnectionFailed', true],
  '57014': ['QueryFailed', true],
  '08': ['ConnectionFailed', true],
};

/** Any failure in words that name the connection and the cause, and no secret. */
export function databaseError(error: unknown, { name }: OpenConnection): unknown {
  if (error instanceof NodeError || !(error instanceof Error)) return error;
  const fault = error as ServerFault;
  const state = /^[0-9A-Z]{5}$/.test(fault.code ?? '') ? fault.code! : undefined;
  if (state === undefined) return networkFault(error, `connection '${name}'`) ?? error;
  const [type, retryable] = STATES[state] ?? STATES[state.slice(0, 2)] ?? (['QueryFailed', false] as Told);
  const detail = fault.detail === undefined ? '' : ` (${fault.detail.slice(0, 200)})`;
  return new NodeError(type, `connection '${name}': ${fault.message}${detail}`, retryable);
}
