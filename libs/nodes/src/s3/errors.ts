import { networkFault } from '../connections/network-fault.js';
import { NodeError } from '../node-kind.js';

/** What the SDK throws. */
interface StoreFault extends Error {
  $metadata?: { httpStatusCode?: number };
}

const TYPES: Readonly<Record<string, string>> = {
  NoSuchBucket: 'FileNotFound',
  NoSuchKey: 'FileNotFound',
  NotFound: 'FileNotFound',
  AccessDenied: 'PermissionDenied',
  Forbidden: 'PermissionDenied',
  AllAccessDisabled: 'PermissionDenied',
  InvalidAccessKeyId: 'AuthenticationFailed',
  SignatureDoesNotMatch: 'AuthenticationFailed',
  ExpiredToken: 'AuthenticationFailed',
  InvalidToken: 'AuthenticationFailed',
  PreconditionFailed: 'TargetExists',
};

/** Any failure in words that name the connection and the cause. @param what was asked for: `s3://bucket/key` */
export function storeError(error: unknown, connection: string, what: string): unknown {
  if (error instanceof NodeError || !(error instanceof Error)) return error;
  const { name, message, $metadata } = error as StoreFault;
  const place = `connection '${connection}': ${what}`;
  const status = $metadata?.httpStatusCode;
  const type =
    TYPES[name] ?? (status === 403 ? 'PermissionDenied' : status === 404 ? 'FileNotFound' : undefined);
  // The answer to a HEAD has no words.
  const said = message === '' || message === 'UnknownError' || message === name ? '' : `: ${message}`;
  if (type) return new NodeError(type, `${place}: ${name}${said}`, false);
  if (status === undefined)
    return networkFault(error, place) ?? new NodeError('ConnectionFailed', `${place}${said}`);
  const passing = status >= 500 || status === 429;
  return new NodeError(passing ? 'ConnectionFailed' : 'QueryFailed', `${place}: ${name}${said}`, passing);
}
