import { NodeError } from '../node-kind.js';

interface SystemError extends Error {
  code?: string;
  hostname?: string;
  address?: string;
  port?: number;
  errors?: SystemError[];
}

const REASONS: Readonly<Record<string, (error: SystemError) => string>> = {
  ECONNREFUSED: ({ address, port }) => `nothing listens at ${address}:${port}`,
  ENOTFOUND: ({ hostname }) => `host ${hostname} was not found`,
  EAI_AGAIN: ({ hostname }) => `host ${hostname} could not be looked up just now`,
  ECONNRESET: () => 'the server closed the connection',
  EPIPE: () => 'the server closed the connection',
  ETIMEDOUT: () => 'the server did not answer in time',
  EHOSTUNREACH: () => 'the host cannot be reached',
  ENETUNREACH: () => 'the network of the host cannot be reached',
};

const BROKEN = /terminated|Connection ended|timeout|closed the connection|socket/i;

/** A connection that could not be made or broke, in words; undefined for anything else. @param what `connection 'x'` */
export function networkFault(error: Error, what: string): NodeError | undefined {
  // Some clients wrap what the system said.
  const inner = error.cause instanceof Error ? error.cause : error;
  const first = (inner as SystemError).errors?.[0] ?? (inner as SystemError);
  const reason = REASONS[first.code ?? '']?.(first);
  if (reason !== undefined) return new NodeError('ConnectionFailed', `${what}: ${reason}`);
  const tls = /certificate|self-signed|SSL|TLS|altnames/i.test(`${first.code} ${first.message}`);
  if (tls) return new NodeError('ConnectionFailed', `${what}: ${first.message}`, false);
  if (!BROKEN.test(first.message)) return undefined;
  return new NodeError('ConnectionFailed', `${what}: ${first.message}`);
}
