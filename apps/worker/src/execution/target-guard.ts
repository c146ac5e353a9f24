import { Injectable } from '@nestjs/common';
import { type NodeContext, NodeError, type NodeKind, type Verdict } from '@tauro/nodes';
import { Breakers } from '@tauro/orchestration';
import { type StopReason } from './in-hand.js';

/** Stands between an attempt and the outside system it calls. */
@Injectable()
export class TargetGuard {
  constructor(private readonly breakers: Breakers) {}

  /** Makes the call of an attempt, and tells the breaker of its target how it ended. @throws CircuitOpen, or what the call throws. */
  async call<T>(
    { target }: NodeKind,
    { config, connection, signal }: Pick<NodeContext, 'config' | 'connection' | 'signal'>,
    make: () => Promise<T>,
  ): Promise<T> {
    const name = target?.of(config, connection);
    if (!target || name === undefined) return make();
    const pass = await this.breakers.admit(name);
    try {
      const result = await make();
      await this.breakers.report(pass, 'well');
      return result;
    } catch (error) {
      const stopped = signal.aborted ? OF_STOP[signal.reason as StopReason] : undefined;
      const said = error instanceof NodeError ? target.verdict(error) : 'unknown';
      await this.breakers.report(pass, stopped ?? said);
      throw error;
    }
  }
}

/** An attempt that was stopped says nothing about its target, unless it waited for it too long. */
const OF_STOP: Record<StopReason, Verdict> = {
  timeout: 'unwell',
  cancelled: 'unknown',
  'claim lost': 'unknown',
  'worker stops': 'unknown',
};
