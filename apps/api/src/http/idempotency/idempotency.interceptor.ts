import {
  type CallHandler,
  type ExecutionContext,
  HttpStatus,
  Injectable,
  Logger,
  type NestInterceptor,
} from '@nestjs/common';
import { HTTP_CODE_METADATA } from '@nestjs/common/constants.js';
import { contentHash, invalid } from '@tauro/domain';
import { type Request, type Response } from 'express';
import { firstValueFrom, from, type Observable } from 'rxjs';
import { accessOf } from '../../auth/access.decorator.js';
import { currentPrincipal } from '../../auth/principal.js';
import { type Claim, type IdempotencyKeys } from './idempotency-keys.service.js';

export const REPLAYED = 'Idempotency-Replayed';
const HEADER = 'Idempotency-Key';
/** Visible ASCII. */
const ACCEPTED = /^[\x21-\x7e]{1,255}$/;

/**
 * Answers a POST that is repeated with its `Idempotency-Key` as it was answered the first time, without carrying it out
 * again. What was refused or has failed did nothing worth keeping: it may be repeated with the same key.
 */
@Injectable()
export class Idempotency implements NestInterceptor {
  private readonly logger = new Logger(Idempotency.name);

  constructor(private readonly keys: IdempotencyKeys) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const req = context.switchToHttp().getRequest<Request>();
    const res = context.switchToHttp().getResponse<Response>();
    const key = req.get(HEADER);
    if (key === undefined || req.method !== 'POST' || !hasCaller(context)) return next.handle();
    if (!ACCEPTED.test(key)) throw malformed();
    const { kind, id } = currentPrincipal();
    const entered = await this.keys.enter({
      caller: `${kind}:${id}`,
      key,
      fingerprint: contentHash([req.method, req.originalUrl, req.body ?? null]),
    });
    if ('status' in entered) {
      res.status(entered.status).setHeader(REPLAYED, 'true');
      return from([entered.body]);
    }
    // A promise goes on when the client was told that it took too long, so that its answer is there for the next try.
    return from(this.carryOut(entered, next, () => statusOf(res, context)));
  }

  private async carryOut(claim: Claim, next: CallHandler, status: () => number): Promise<unknown> {
    let body: unknown;
    try {
      body = await firstValueFrom(next.handle() as Observable<unknown>);
    } catch (error) {
      await this.settle(() => claim.release());
      throw error;
    }
    await this.settle(() => claim.keep({ status: status(), body }));
    return body;
  }

  /** What was done is done, and is told, also when that cannot be written down. */
  private async settle(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      this.logger.warn(`an idempotency key is left to its lease: ${(error as Error).message}`);
    }
  }
}

/** Strangers cannot be told apart: their calls have other means to be counted once. */
const hasCaller = (context: ExecutionContext): boolean => accessOf(context.getHandler())?.open === false;

/** Once the answer has been sent, because it took too long, only what the route says by itself is left to go by. */
function statusOf(res: Response, context: ExecutionContext): number {
  if (!res.headersSent) return res.statusCode;
  const said = Reflect.getMetadata(HTTP_CODE_METADATA, context.getHandler()) as number | undefined;
  return said ?? HttpStatus.CREATED;
}

const malformed = () =>
  invalid([
    {
      field: HEADER,
      message: 'must be 1 to 255 visible ASCII characters, without spaces',
      type: 'value_error',
    },
  ]);
