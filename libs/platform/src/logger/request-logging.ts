import { type IncomingMessage, type ServerResponse } from 'node:http';

import { newId } from '@tauro/domain';
import { type Options } from 'pino-http';

const REQUEST_ID = /^[\w.-]{1,128}$/;
/** Asked every few seconds by machines; nobody wants to read that. */
const ROUTINE = /^\/(health|metrics)\b/;

/** What a request was about; whoever answers it may put that on the request, for its line in the log. */
export interface Subject {
  run_id?: string;
  project_id?: string;
}

/** One line per request, and the request's id in every line written on its way and in the answer. */
export const requestLogging: Options = {
  quietReqLogger: true,
  quietResLogger: true,
  customAttributeKeys: { reqId: 'request_id', responseTime: 'duration_ms' },
  serializers: { req: nothing, res: nothing },
  genReqId: (req, res) => {
    const given = req.headers['x-request-id'];
    const id = typeof given === 'string' && REQUEST_ID.test(given) ? given : newId('req');
    res.setHeader('X-Request-ID', id);
    return id;
  },
  customLogLevel: (req, res, error) => {
    if (error || res.statusCode >= 500) return 'error';
    return ROUTINE.test(pathOf(req)) ? 'debug' : 'info';
  },
  customSuccessObject: (req, _res, { duration_ms }: { duration_ms: number }) => ({
    logger: 'http',
    ...subjectOf(req),
    duration_ms,
  }),
  // The error filter has logged the error with its stack already.
  customErrorObject: (req, _res, _error, { duration_ms }: { duration_ms: number }) => ({
    logger: 'http',
    ...subjectOf(req),
    duration_ms,
  }),
  customSuccessMessage: describe,
  customErrorMessage: (req, res) => describe(req, res),
};

function nothing(): undefined {
  return undefined;
}

/** What the answer told, else what the path names: an answer may be an error. */
function subjectOf(req: IncomingMessage & { subject?: Subject }): Subject {
  const path = pathOf(req);
  const run_id = /\/(run_[A-Za-z0-9]+)/.exec(path)?.[1];
  const project_id = /\/(proj_[A-Za-z0-9]+)/.exec(path)?.[1];
  return { ...(run_id && { run_id }), ...(project_id && { project_id }), ...req.subject };
}

/** Without the query, which may hold what should not be kept. */
function describe(req: IncomingMessage, res: ServerResponse): string {
  const outcome = res.writableEnded ? String(res.statusCode) : 'aborted by the client';
  return `${req.method} ${shownPath(pathOf(req))} ${outcome}`;
}

/** A path as a log may show it: what follows `/hooks/` is a credential. */
export const shownPath = (path: string): string => path.replace(/(\/hooks\/)[^/?]+/gi, '$1[redacted]');

/** Express rewrites `url` on its way into routers, and keeps the original. */
function pathOf(req: IncomingMessage & { originalUrl?: string }): string {
  return (req.originalUrl ?? req.url ?? '').split('?', 1)[0]!;
}
