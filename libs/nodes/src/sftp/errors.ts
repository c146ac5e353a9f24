import { isNativeError } from 'node:util/types';
import { networkFault } from '../connections/network-fault.js';
import { NodeError } from '../node-kind.js';

/** What the client throws: `level` for the connection, a number as `code` for what the server answered. */
interface SshFault extends Error {
  level?: string;
  code?: string | number;
}

/** By the status codes of SFTP. */
const STATUS: Readonly<Record<number, [type: string, reason: string, retryable: boolean]>> = {
  2: ['FileNotFound', 'it is not there', false],
  3: ['PermissionDenied', 'the user may not do that', false],
  4: ['WriteFailed', 'the server could not do it', true],
  6: ['ConnectionFailed', 'there is no connection', true],
  7: ['ConnectionFailed', 'the connection was lost', true],
  8: ['QueryFailed', 'the server does not know how to do that', false],
};

/** Any failure in words that name the connection and the cause, and no secret. @param what the path that was asked for */
export function sftpError(error: unknown, connection: string, what?: string): unknown {
  if (error instanceof NodeError || !isNativeError(error)) return error;
  const { level, code, message } = error as SshFault;
  const place = `connection '${connection}'${what === undefined ? '' : `: ${what}`}`;
  const status = typeof code === 'number' ? STATUS[code] : undefined;
  if (status) {
    const [type, reason, retryable] = status;
    return new NodeError(type, `${place}: ${reason}`, retryable);
  }
  if (level === 'client-authentication') {
    return new NodeError(
      'AuthenticationFailed',
      `${place}: the server refuses the user, password or key`,
      false,
    );
  }
  if (/privateKey|passphrase/i.test(message)) {
    return new NodeError(
      'AuthenticationFailed',
      `${place}: the private key cannot be read; is its passphrase right?`,
      false,
    );
  }
  if (level === 'client-timeout')
    return new NodeError('ConnectionFailed', `${place}: the server did not answer in time`);
  const broken = /No response from server|Not connected|Connection lost|Channel/i.test(message);
  const lost = new NodeError('ConnectionFailed', `${place}: ${broken ? 'the connection broke' : message}`);
  return networkFault(error, place) ?? lost;
}
