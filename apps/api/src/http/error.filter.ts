import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import { DomainError, ERROR_STATUS, type ErrorCode } from '@tauro/domain';
import { type Request, type Response } from 'express';
import { metaOf } from './envelope.js';
import { routeOf } from './latency.js';
import { allowedMethods } from './methods.js';
import { requestIdOf } from './request-id.js';
import { reportError, shownPath } from '@tauro/platform';
import { storeError } from './store-errors.js';

const RETRY_AFTER_SECONDS = 2;
const CODE_OF_STATUS = new Map(
  (Object.entries(ERROR_STATUS) as [ErrorCode, number][]).map(([code, status]) => [status, code]),
);

/** Makes the error envelope of whatever was thrown. Only a `DomainError` speaks to the client in its own words. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  private readonly logger = new Logger(ErrorFilter.name);

  catch(thrown: unknown, host: ArgumentsHost): void {
    const req = host.switchToHttp().getRequest<Request>();
    const res = host.switchToHttp().getResponse<Response>();
    const error = this.explain(thrown, req, res);
    if (res.headersSent) {
      res.destroy();
      return;
    }
    const retryAfter =
      error.retryAfter ?? (error.code === 'SERVICE_UNAVAILABLE' ? RETRY_AFTER_SECONDS : undefined);
    if (retryAfter !== undefined) res.setHeader('Retry-After', String(retryAfter));
    const { code, message, details } = error;
    res.status(error.status).json({ error: { code, message, details }, meta: metaOf(req) });
  }

  private explain(thrown: unknown, req: Request, res: Response): DomainError {
    if (thrown instanceof DomainError) {
      if (thrown.status >= 500 && thrown.code !== 'SERVICE_UNAVAILABLE') this.log(thrown, req);
      return thrown;
    }
    const fromStore = storeError(thrown);
    if (fromStore) {
      this.logger.warn({ err: thrown }, `${req.method} ${shownPath(req.path)}: ${fromStore.message}`);
      return fromStore;
    }
    if (thrown instanceof HttpException && thrown.getStatus() < 500) return this.ofHttp(thrown, req, res);
    // The router cannot decode a path such as /projects/%E0%A4%A.
    if (thrown instanceof URIError)
      return new DomainError('BAD_REQUEST', 'The path is not valid percent-encoding');
    this.log(thrown, req);
    return new DomainError(
      'INTERNAL_ERROR',
      'The server failed; its log has the reason under this request id',
    );
  }

  private ofHttp(thrown: HttpException, req: Request, res: Response): DomainError {
    const status = thrown.getStatus();
    if (status === 404) {
      const allowed = allowedMethods(req);
      if (allowed.length > 0) {
        res.setHeader('Allow', allowed.join(', '));
        const message = `${req.method} is not possible on ${req.path}; allowed: ${allowed.join(', ')}`;
        return new DomainError('METHOD_NOT_ALLOWED', message);
      }
      return new DomainError('NOT_FOUND', `There is no ${req.method} ${req.path}`);
    }
    return new DomainError(CODE_OF_STATUS.get(status) ?? 'BAD_REQUEST', thrown.message);
  }

  private log(thrown: unknown, req: Request): void {
    this.logger.error({ err: thrown }, `${req.method} ${shownPath(req.path)} failed`);
    reportError(thrown, { request_id: requestIdOf(req), route: `${req.method} ${routeOf(req)}` });
  }
}
