import { type NestExpressApplication } from '@nestjs/platform-express';
import { Collections } from '@tauro/orchestration';
import { type Env } from '@tauro/platform';
import { RedisCommands } from '@tauro/queue';
import { type NextFunction, type Request, type Response } from 'express';
import { AuditTrail } from '../audit/audit-trail.js';
import { AccessGuard } from '../auth/access.guard.js';
import { Identification } from '../auth/identification.js';
import { ScopeGuard } from '../auth/scope/scope.guard.js';
import { VERSION } from '../version.js';
import { readJson } from './body.js';
import { EnvelopeInterceptor } from './envelope.js';
import { ErrorFilter } from './error.filter.js';
import { IdempotencyKeys } from './idempotency/idempotency-keys.service.js';
import { Idempotency, REPLAYED } from './idempotency/idempotency.interceptor.js';
import { measureLatency } from './latency.js';
import { NoBodyGuard } from './no-body.guard.js';
import { guardOrigins } from './origins.js';
import { QueryGuard } from './query/query.guard.js';
import { limitRate } from './rate-limit/rate-limit.js';
import { requestId } from './request-id.js';
import { requireHttps, securityHeaders } from './security.js';
import { serverTiming } from './server-timing.js';
import { TimeLimit } from './time-limit.js';
import { traceRequests } from './trace-requests.js';
import { validationPipe } from './validation.pipe.js';

const EXPOSED_HEADERS = [
  'X-Request-ID',
  'ETag',
  'Retry-After',
  'Location',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'RateLimit-Policy',
  'Server-Timing',
  'X-API-Version',
  'Deprecation',
  'Sunset',
  'Link',
  REPLAYED,
];

/** Everything that concerns every request, in the order it happens. */
export function setUpHttp(app: NestExpressApplication, env: Env): void {
  app.disable('x-powered-by');
  // Every answer has its own timestamp, so a digest of the body would never match; resources set their own.
  app.set('etag', false);
  app.set('trust proxy', env.TRUST_PROXY);
  app.set('query parser', 'simple');
  if (env.ENABLE_METRICS) app.use(measureLatency());
  app.use(requestId);
  app.use(traceRequests);
  app.use(apiVersion);
  app.use(serverTiming);
  app.use(securityHeaders(env));
  app.enableCors({
    origin: env.CORS_ALLOW_ORIGINS.includes('*') ? '*' : env.CORS_ALLOW_ORIGINS,
    methods: env.CORS_ALLOW_METHODS,
    allowedHeaders: env.CORS_ALLOW_HEADERS,
    credentials: env.CORS_ALLOW_CREDENTIALS,
    maxAge: env.CORS_MAX_AGE,
    exposedHeaders: EXPOSED_HEADERS,
  });
  if (env.REQUIRE_HTTPS) app.use(requireHttps);
  // Credentials come in headers that no foreign page can send, so with auth the network is not what is guarded.
  app.use(env.ENABLE_AUTH ? app.get(Identification).middleware() : guardOrigins(env));
  // Before the body is read, so that a caller beyond its limit costs next to nothing.
  if (env.RATE_LIMIT_ENABLED) app.use(limitRate(env, app.get(RedisCommands)));
  const audit = app.get(AuditTrail);
  app.use(audit.middleware);
  app.use(readJson(env));
  app.useGlobalGuards(audit, new AccessGuard(), app.get(ScopeGuard), new QueryGuard(), new NoBodyGuard());
  app.useGlobalPipes(validationPipe());
  const keys = new IdempotencyKeys(app.get(Collections), env.SECRET_KEY);
  app.useGlobalInterceptors(
    new TimeLimit(env.REQUEST_TIMEOUT),
    audit,
    new Idempotency(keys),
    new EnvelopeInterceptor(),
  );
  app.useGlobalFilters(new ErrorFilter());
}

/** What changed from version to version is in docs/api-changelog.md. */
function apiVersion(_req: Request, res: Response, next: NextFunction): void {
  res.setHeader('X-API-Version', VERSION);
  next();
}
