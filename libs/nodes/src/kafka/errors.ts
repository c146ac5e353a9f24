import { isNativeError } from 'node:util/types';
import { networkFault } from '../connections/network-fault.js';
import { NodeError } from '../node-kind.js';

/** What the client throws. */
interface KafkaFault extends Error {
  /** Of what a broker answered: `UNKNOWN_TOPIC_OR_PARTITION`. */
  type?: string;
  retriable?: boolean;
  cause?: unknown;
  originalError?: unknown;
}

const TYPES: Readonly<Record<string, [type: string, retryable: boolean]>> = {
  UNKNOWN_TOPIC_OR_PARTITION: ['TableNotFound', false],
  SASL_AUTHENTICATION_FAILED: ['AuthenticationFailed', false],
  UNSUPPORTED_SASL_MECHANISM: ['AuthenticationFailed', false],
  MESSAGE_TOO_LARGE: ['ConstraintViolated', false],
  RECORD_LIST_TOO_LARGE: ['ConstraintViolated', false],
  INVALID_TRANSACTION_TIMEOUT: ['InvalidConfig', false],
  INVALID_PRODUCER_EPOCH: ['QueryFailed', true],
};

/** Any failure in words that name the connection and the cause, and no secret. */
export function kafkaError(error: unknown, connection: string): unknown {
  if (error instanceof NodeError || !isNativeError(error)) return error;
  const fault = rootOf(error as KafkaFault);
  // What the egress rule says is wrapped by the client.
  if (fault instanceof NodeError) return fault;
  const place = `connection '${connection}'`;
  const { type = '', message, name, retriable = false } = fault;
  if (type.endsWith('AUTHORIZATION_FAILED'))
    return new NodeError('PermissionDenied', `${place}: ${message}`, false);
  const told = TYPES[type];
  if (told) return new NodeError(told[0], `${place}: ${message}`, told[1]);
  if (/SASL/i.test(name)) {
    return new NodeError('AuthenticationFailed', `${place}: the brokers refuse the user or password`, false);
  }
  if (type === '') {
    const code = /\b(ECONNREFUSED|ENOTFOUND|ECONNRESET|ETIMEDOUT|EHOSTUNREACH)\b/.exec(message)?.[1];
    const at = /\d+\.\d+\.\d+\.\d+:\d+|[\w.-]+:\d+$/.exec(message)?.[0];
    if (code === 'ECONNREFUSED' && at)
      return new NodeError('ConnectionFailed', `${place}: nothing listens at ${at}`);
    return networkFault(fault, place) ?? new NodeError('ConnectionFailed', `${place}: ${message}`);
  }
  return new NodeError('QueryFailed', `${place}: ${message}`, retriable);
}

function rootOf(error: KafkaFault): KafkaFault {
  const inner = error.originalError ?? error.cause;
  return isNativeError(inner) ? rootOf(inner as KafkaFault) : error;
}
