import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { DomainError } from '@tauro/domain';
import { type Response } from 'express';
import { filter, map, type Observable, takeUntil, timer } from 'rxjs';

/**
 * Answers 504 for what takes too long. A stream has begun to answer by then, and may go on for as long as it likes.
 * What was under way is not undone: it may still be done, which is why clients repeat with an `Idempotency-Key`.
 */
@Injectable()
export class TimeLimit implements NestInterceptor {
  constructor(private readonly seconds: number) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const res = context.switchToHttp().getResponse<Response>();
    const late = timer(this.seconds * 1000).pipe(
      filter(() => !res.headersSent),
      map(() => {
        const message = `The operation took longer than ${this.seconds} seconds; it may still be carried out`;
        throw new DomainError('TIMEOUT', message);
      }),
    );
    return next.handle().pipe(takeUntil(late));
  }
}
