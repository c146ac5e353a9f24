import { type Subject } from '@tauro/platform';
import { fail, inTraceOf, isTracing, parseTraceparent, type Span, SpanKind, startSpan } from '@tauro/tracing';
import { type NextFunction, type Request, type Response } from 'express';
import { routeOf } from './latency.js';
import { requestIdOf } from './request-id.js';

/** Asked every few seconds by machines; their spans would bury all others. */
const ROUTINE = /^\/(health|metrics)\b/;

/**
 * Lets each request join the trace that its `traceparent` names, or begin one while traces are exported. What the request
 * creates takes the trace on, and each line of its log says which it is.
 */
export function traceRequests(req: Request, res: Response, next: NextFunction): void {
  const parent = parseTraceparent(req.headers.traceparent);
  if ((!parent && !isTracing()) || ROUTINE.test(req.path)) return next();
  const span = startSpan(req.method, {
    parent,
    kind: SpanKind.SERVER,
    attributes: { 'http.request.method': req.method, 'tauro.request.id': requestIdOf(req) },
  });
  res.once('close', () => finish(span, req, res));
  inTraceOf(span.spanContext(), next);
}

function finish(span: Span, req: Request & { subject?: Subject }, res: Response): void {
  const route = routeOf(req);
  span.updateName(`${req.method} ${route}`);
  span.setAttributes({ 'http.route': route, 'http.response.status_code': res.statusCode });
  const { run_id, project_id } = req.subject ?? {};
  if (run_id) span.setAttribute('tauro.run.id', run_id);
  if (project_id) span.setAttribute('tauro.project.id', project_id);
  if (res.statusCode >= 500) fail(span, String(res.statusCode));
  span.end();
}
