import { DomainError } from '@tauro/domain';
import { type Env } from '@tauro/platform';
import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import { checkJsonBounds } from './json-bounds.js';

const MB = 1024 * 1024;
/** Calls that may be signed, which is checked over the body as it came. */
const HOOK_PATH = /^(?:\/api\/v1)?\/hooks\//i;
const RAW = Symbol('the body as it came');
/** Paths of bodies that may be larger: pipeline definitions, and batches of up to a thousand items. */
const LARGE = /^\/api\/v1\/(pipelines(\/|$)|[^/]+\/batch(\/|$))/;

/** Reads JSON bodies: the size is bounded, any other media type is refused. */
export function readJson(env: Env): RequestHandler {
  const ordinary = parser(env.MAX_BODY_MB);
  const calls = parser(env.MAX_BODY_MB, keepRaw);
  const large = parser(env.MAX_DEFINITION_MB);
  return (req, res, next) => {
    if (!hasBody(req)) {
      next();
    } else if (!req.is(['json', '+json'])) {
      const given = req.headers['content-type'] ?? 'none';
      const message = `Content-Type must be application/json, got ${given}`;
      next(new DomainError('UNSUPPORTED_MEDIA_TYPE', message));
    } else if (HOOK_PATH.test(req.path)) {
      calls(req, res, next);
    } else if (LARGE.test(req.path)) {
      large(req, res, next);
    } else {
      ordinary(req, res, next);
    }
  };
}

const hasBody = (req: Request): boolean =>
  req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;

/** The body of a call as it came, byte for byte. */
export const rawBodyOf = (req: Request): Buffer => (req as { [RAW]?: Buffer })[RAW] ?? Buffer.alloc(0);

const keepRaw = (req: object, _res: unknown, body: Buffer): void => void Object.assign(req, { [RAW]: body });

function parser(limitMb: number, verify?: typeof keepRaw): RequestHandler {
  const parse = express.json({ limit: limitMb * MB, strict: false, type: () => true, verify });
  return (req: Request, res: Response, next: NextFunction) => {
    parse(req, res, (error?: unknown) => {
      if (error) return next(explain(error as ParserError, limitMb));
      try {
        checkJsonBounds(req.body);
        next();
      } catch (refusal) {
        next(refusal);
      }
    });
  };
}

interface ParserError extends Error {
  type?: string;
  status?: number;
}

function explain(error: ParserError, limitMb: number): Error {
  switch (error.type) {
    case 'entity.too.large':
      return new DomainError('PAYLOAD_TOO_LARGE', `The body is larger than ${limitMb} MB`);
    case 'entity.parse.failed':
      return new DomainError('BAD_REQUEST', `The body is not valid JSON: ${error.message}`);
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return new DomainError('UNSUPPORTED_MEDIA_TYPE', error.message);
    default:
      return error.status && error.status < 500
        ? new DomainError('BAD_REQUEST', `The body could not be read: ${error.message}`)
        : error;
  }
}
