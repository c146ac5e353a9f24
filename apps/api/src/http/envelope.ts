import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { type Request, type Response } from 'express';
import { map, type Observable } from 'rxjs';
import { VERSION } from '../version.js';
import { tagOf } from './etag.js';
import { requestIdOf } from './request-id.js';
import { subjectOf } from './subject.js';

/** What stands in every answer beside `data` or `error`. */
export interface Meta {
  timestamp: string;
  request_id: string;
  version: string;
}

/** What a list says about itself. */
export interface PageMeta {
  total?: number;
  /** Counting stopped at `total`; there are at least that many. */
  total_is_lower_bound?: true;
  limit: number;
  offset: number;
  has_more: boolean;
  next_cursor: string | null;
}

/** Data with more to say in `meta` than every answer has: a page of a list, an answer from a cache. */
export class WithMeta<T, M extends object = object> {
  constructor(
    readonly data: T,
    readonly meta: M,
  ) {}
}
export class Page<T> extends WithMeta<T[], PageMeta> {}

/** An answer that is sent as it is. */
export class Bare {
  constructor(readonly body: unknown) {}
}

export const metaOf = (req: { id?: unknown }): Meta => ({
  timestamp: new Date().toISOString(),
  request_id: requestIdOf(req),
  version: VERSION,
});

/** Puts what a controller returns into `{data, meta}`, and the `ETag` it asked for beside it. */
@Injectable()
export class EnvelopeInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const req = http.getRequest<Request>();
    const tag = tagOf(context.getHandler());
    return next.handle().pipe(
      map((result: unknown) => {
        if (tag) http.getResponse<Response>().setHeader('ETag', tag(result as never));
        Object.assign(req, { subject: subjectOf(result) });
        if (result instanceof Bare) return result.body;
        if (result instanceof WithMeta) {
          const { data, meta } = result as WithMeta<unknown>;
          return { data, meta: { ...meta, ...metaOf(req) } };
        }
        return { data: result, meta: metaOf(req) };
      }),
    );
  }
}
