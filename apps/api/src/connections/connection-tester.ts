import { Injectable } from '@nestjs/common';
import { Redactor } from '@tauro/domain';
import { CONNECTION_KINDS, NodeError } from '@tauro/nodes';
import { ConnectionReader } from '@tauro/orchestration';
import { Env } from '@tauro/platform';
import { type ConnectionVerdict } from './connection.dto.js';
import { ConnectionService } from './connection.service.js';

/** Less than what a request may take. */
const TEST_MS = 20_000;

/** Tries connections out, as a node would use them. */
@Injectable()
export class ConnectionTester {
  constructor(
    private readonly connections: ConnectionService,
    private readonly reader: ConnectionReader,
    private readonly env: Env,
  ) {}

  /** @throws DomainError NOT_FOUND; whatever is wrong with the connection itself is in the verdict. */
  async test(id: string): Promise<ConnectionVerdict> {
    const stored = await this.connections.existing(id);
    const began = performance.now();
    const verdict = (rest: Pick<ConnectionVerdict, 'server' | 'error'>): ConnectionVerdict => ({
      ok: rest.error === null,
      ...rest,
      duration_ms: Math.round(performance.now() - began),
    });
    let redactor = new Redactor([]);
    const signal = AbortSignal.timeout(TEST_MS);
    try {
      const open = await this.reader.open(stored);
      redactor = new Redactor(Object.values(open.secret));
      const how = { egressAllowPrivate: this.env.EGRESS_ALLOW_PRIVATE, signal };
      return verdict({ server: await CONNECTION_KINDS.get(stored.kind)!.test(open, how), error: null });
    } catch (error) {
      const { type, message } = asNodeError(error, stored.name, signal);
      return verdict({ server: null, error: { type, message: redactor.text(message) } });
    }
  }
}

function asNodeError(error: unknown, name: string, { aborted }: AbortSignal): NodeError {
  if (aborted) {
    return new NodeError('ConnectionFailed', `connection '${name}': no answer within ${TEST_MS / 1000} s`);
  }
  if (error instanceof NodeError) return error;
  throw error;
}
