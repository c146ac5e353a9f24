import {
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  Injectable,
  Logger,
  type NestInterceptor,
} from '@nestjs/common';
import { type AuditEntry, type AuditOutcome } from '@tauro/database';
import { isId, newId } from '@tauro/domain';
import { shownPath } from '@tauro/platform';
import { type NextFunction, type Request, type Response } from 'express';
import { type Observable, tap } from 'rxjs';
import { currentPrincipal } from '../auth/principal.js';
import { metaOf } from '../http/envelope.js';
import { REPLAYED } from '../http/idempotency/idempotency.interceptor.js';
import { requestIdOf } from '../http/request-id.js';
import { storedFor } from './as-stored.js';
import { AuditLog, type Snapshot } from './audit-log.service.js';
import { idsOf, resourceOf } from './audit-resources.js';

const WRITING = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
const MAX_PATH = 500;

/** What is learnt about a write on its way through the server. */
interface Trail {
  action?: string;
  before: Snapshot | null;
  answer?: unknown;
}

type End = (chunk?: unknown, encoding?: BufferEncoding) => void;

/**
 * Writes down every request that is to change something. Its answer is held back until that is stored, so whoever was told
 * that something was done finds who did it. It is a middleware for the end of a request, whoever answers it; a guard
 * before all others, which knows the operation also of who is refused; and an interceptor, which sees the thing before.
 */
@Injectable()
export class AuditTrail implements CanActivate, NestInterceptor {
  private readonly logger = new Logger('Audit');
  private readonly trails = new WeakMap<Request, Trail>();

  constructor(private readonly log: AuditLog) {}

  /** Stands behind what finds out who asks. */
  readonly middleware = (req: Request, res: Response, next: NextFunction): void => {
    if (!WRITING.has(req.method)) return next();
    const trail: Trail = { before: null };
    this.trails.set(req, trail);
    const who = currentPrincipal();
    const end = res.end.bind(res) as End;
    let ended = false;
    res.end = ((chunk?: unknown, encoding?: BufferEncoding) => {
      if (ended) return res;
      ended = true;
      this.entryOf(req, res, trail, who)
        .then((entry) => this.log.add(entry))
        .then(
          () => end(chunk, encoding),
          (error: unknown) => this.answerUnwritten(error, req, res, () => end(chunk, encoding), end),
        );
      return res;
    }) as Response['end'];
    next();
  };

  canActivate(context: ExecutionContext): boolean {
    const trail = this.trails.get(context.switchToHttp().getRequest<Request>());
    if (trail) trail.action = context.getHandler().name;
    return true;
  }

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const req = context.switchToHttp().getRequest<Request>();
    const trail = this.trails.get(req);
    if (!trail) return next.handle();
    const [id] = idsOf(req.params, undefined, undefined);
    if (id !== undefined) trail.before = await this.log.snapshot(id);
    return next.handle().pipe(tap((answer: unknown) => (trail.answer = answer)));
  }

  private async entryOf(
    req: Request,
    res: Response,
    { action, before, answer }: Trail,
    who: ReturnType<typeof currentPrincipal>,
  ): Promise<AuditEntry> {
    const { statusCode } = res;
    const outcome = outcomeOf(statusCode);
    const body = req.body as { project_id?: unknown } | undefined;
    const ids = idsOf(req.params ?? {}, answer, body);
    const stored = storedFor(answer);
    const after =
      outcome !== 'SUCCESS' || ids.length === 0
        ? null
        : stored
          ? this.log.snapshotOf(stored)
          : await this.log.snapshot(ids[0]!);
    const named = [body?.project_id, ...ids].find((id) => typeof id === 'string' && isId('proj', id));
    const now = new Date();
    return {
      _id: newId('aud', now.getTime()),
      created_at: now,
      actor_kind: who.kind,
      actor_id: who.id,
      actor_name: who.name,
      action: action ?? null,
      method: req.method,
      path: shownPath(req.originalUrl.split('?', 1)[0]!).slice(0, MAX_PATH),
      resource_kind: resourceOf(ids[0])?.kind ?? null,
      resource_ids: ids,
      project_id: after?.project_id ?? before?.project_id ?? (named as string | undefined) ?? null,
      before_hash: before?.hash ?? null,
      after_hash: outcome === 'SUCCESS' ? (after?.hash ?? null) : (before?.hash ?? null),
      status: statusCode,
      outcome,
      replayed: res.hasHeader(REPLAYED),
      request_id: requestIdOf(req),
      client_address: req.ip ?? null,
    };
  }

  /** What was refused changed nothing, and is answered all the same; what was done is not told as if it were written down. */
  private answerUnwritten(error: unknown, req: Request, res: Response, answer: () => void, end: End): void {
    const about = `${req.method} ${shownPath(req.originalUrl.split('?', 1)[0]!)} ${res.statusCode}`;
    this.logger.error({ err: error, request_id: requestIdOf(req) }, `not written down: ${about}`);
    if (res.statusCode >= 400 || res.headersSent) return answer();
    const message =
      'It may have been carried out, but its entry in the audit log could not be stored; see what became of it before you repeat it';
    const body = JSON.stringify({
      error: { code: 'SERVICE_UNAVAILABLE', message, details: [] },
      meta: metaOf(req),
    });
    for (const header of ['ETag', 'Location']) res.removeHeader(header);
    res.status(503).set({ 'Retry-After': '2', 'Content-Length': String(Buffer.byteLength(body)) });
    end(body, 'utf8');
  }
}

function outcomeOf(status: number): AuditOutcome {
  if (status < 400) return 'SUCCESS';
  if (status >= 500) return 'FAILED';
  return status === 401 || status === 403 ? 'DENIED' : 'REFUSED';
}
