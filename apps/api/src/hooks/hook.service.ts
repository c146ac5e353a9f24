import { Injectable, Logger } from '@nestjs/common';
import { type Trigger } from '@tauro/database';
import { conflict, DomainError, HOOK_PURPOSE, invalid, type JsonObject } from '@tauro/domain';
import { HookCalls, RunBacklog, triggeredParams, TriggerService } from '@tauro/orchestration';
import { CannotUnseal, Env, unseal } from '@tauro/platform';
import { type Request } from 'express';
import { createHash } from 'node:crypto';
import { rawBodyOf } from '../http/body.js';
import { CallLimiter } from './call-limiter.js';
import { type AcceptedCall } from './hook.dto.js';
import { checkSignature } from './signature.js';

/** The first of these that a call has tells it from others. */
const DELIVERY_HEADERS = ['x-tauro-delivery', 'idempotency-key', 'x-github-delivery'] as const;
const DELIVERY = /^[\x21-\x7e]{1,200}$/;
/** What templates may name: none of them is a credential. */
const SHOWN_HEADERS = [
  'content-type',
  'user-agent',
  'x-tauro-event',
  'x-tauro-delivery',
  'x-github-event',
  'x-github-delivery',
  'x-gitlab-event',
] as const;

/** Takes the calls that start runs. */
@Injectable()
export class HookService {
  private readonly logger = new Logger(HookService.name);

  constructor(
    private readonly env: Env,
    private readonly triggers: TriggerService,
    private readonly limiter: CallLimiter,
    private readonly backlog: RunBacklog,
    private readonly calls: HookCalls,
  ) {}

  /** @throws DomainError with nothing in it that would help somebody who guesses. */
  async receive(
    token: string,
    body: JsonObject,
    request: Request,
    request_id: string,
  ): Promise<AcceptedCall> {
    const trigger = await this.triggers.byToken(token);
    if (!trigger) throw new DomainError('NOT_FOUND', 'There is no such hook');
    const raw = rawBodyOf(request);
    const signature = this.check(trigger, raw, request);
    // Before it is counted nobody who does not know the secret can use up the calls of those who do.
    await this.limiter.admit(trigger);
    if (!trigger.enabled) throw conflict('This hook is disabled; it takes calls again when it is enabled');
    const delivery = deliveryOf(request);
    const params = triggeredParams(trigger, { body, headers: headersOf(request) });
    await this.backlog.assertRoom();
    const { event, repeated } = await this.calls.accept(trigger, {
      delivery,
      digest: sha256(raw),
      signature: signature && sha256(signature),
      params,
      request_id,
    });
    return { run_id: event.run_id!, event_id: event._id, repeated };
  }

  /** @returns a signature that is never the same for two calls, if there is one. @throws DomainError UNAUTHORIZED */
  private check({ _id, engine }: Trigger, body: Buffer, request: Request): string | undefined {
    if (engine.secret === null) return undefined;
    const verdict = checkSignature(
      { body, header: (name) => request.get(name) },
      this.open(_id, engine.secret),
      Date.now(),
    );
    if (verdict.fault !== undefined) throw new DomainError('UNAUTHORIZED', verdict.fault);
    return verdict.unique;
  }

  private open(id: string, sealed: string): string {
    try {
      return unseal(this.env, HOOK_PURPOSE, sealed);
    } catch (error) {
      if (!(error instanceof CannotUnseal)) throw error;
      this.logger.error({ trigger_id: id }, `calls are refused: ${error.message}`);
      throw new DomainError('SERVICE_UNAVAILABLE', 'This hook cannot check signatures at the moment');
    }
  }
}

const sha256 = (data: Buffer | string): string => createHash('sha256').update(data).digest('hex');

/** @throws DomainError VALIDATION_ERROR */
function deliveryOf(request: Request): string | null {
  for (const name of DELIVERY_HEADERS) {
    const value = request.get(name);
    if (value === undefined) continue;
    if (DELIVERY.test(value)) return value;
    const message = 'must be 1 to 200 visible ASCII characters without blanks';
    throw invalid([{ field: name, message, type: 'value_error' }]);
  }
  return null;
}

const headersOf = (request: Request): Record<string, string> =>
  Object.fromEntries(
    SHOWN_HEADERS.flatMap((name) => {
      const value = request.get(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
