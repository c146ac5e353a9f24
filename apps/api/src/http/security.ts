import { DomainError } from '@tauro/domain';
import { type Env } from '@tauro/platform';
import { type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import helmet from 'helmet';

const YEAR_SECONDS = 365 * 24 * 3600;
const NONE = ["'none'"];
const SELF = ["'self'"];

/** Answers are data: a browser that shows one as a page may load and do nothing. */
const DATA = { defaultSrc: NONE, frameAncestors: NONE, baseUri: NONE, formAction: NONE };

/** Swagger UI and ReDoc come from here whole, and ask for nothing but the document and what is tried out in them. */
const PAGES = {
  ...DATA,
  scriptSrc: SELF,
  // Both write styles into the page as they draw it.
  styleSrc: [...SELF, "'unsafe-inline'"],
  imgSrc: [...SELF, 'data:'],
  fontSrc: [...SELF, 'data:'],
  connectSrc: SELF,
  // ReDoc searches in a worker that it makes of a text.
  workerSrc: [...SELF, 'blob:'],
};

const IS_PAGE = /^\/(docs|redoc)(\/|$)/i;

/** The headers that tell browsers what not to do with an answer. */
export function securityHeaders(env: Env): RequestHandler {
  const headersWith = (directives: Record<string, string[]>): RequestHandler =>
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives },
      xFrameOptions: { action: 'deny' },
      // Promised only where the operator wants nothing but HTTPS; a browser ignores it over HTTP.
      strictTransportSecurity: env.REQUIRE_HTTPS && { maxAge: YEAR_SECONDS, includeSubDomains: false },
    });
  const data = headersWith(DATA);
  const pages = headersWith(PAGES);
  return (req, res, next) => void (IS_PAGE.test(req.path) ? pages : data)(req, res, next);
}

/** Probes and scrapes reach the process past the proxy that ends HTTPS. */
const INSIDE = /^\/(health|metrics)(\/|$)/i;

/**
 * Refuses what did not come by HTTPS, as the trusted proxy tells. It does not redirect: a client that sends its key
 * in the clear would otherwise go on doing so unnoticed.
 */
export function requireHttps(req: Request, _res: Response, next: NextFunction): void {
  if (req.secure || INSIDE.test(req.path)) next();
  else next(new DomainError('FORBIDDEN', 'HTTPS is required here; send the request to the https:// address'));
}
