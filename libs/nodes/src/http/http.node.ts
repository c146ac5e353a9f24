import { inSpan, SpanKind, type SpanStart } from '@tauro/tracing';
import { checkTarget } from '../egress/egress.js';
import { type NodeContext, type NodeKind, type NodeResult } from '../node-kind.js';
import { callError, statusError } from './http.errors.js';
import { httpTarget } from './http.target.js';
import { HTTP_SCHEMA } from './http.schema.js';
import { httpDataset } from './http.dataset.js';
import { describeCall, type HttpRequest, requestOf } from './request.js';
import { outputOf } from './response.js';

const DEFAULT_TIMEOUT_SECONDS = 30;

/** Calls an HTTP service; the output is `{status, headers, body}`, the body parsed when it is JSON. */
export const httpNode: NodeKind = {
  type: 'http',
  cacheable: true,
  secrets: true,
  summary: 'Calls an HTTP service and keeps its answer.',
  schema: HTTP_SCHEMA,
  target: httpTarget,

  check(node) {
    const url = node.config?.['url'];
    if (typeof url !== 'string' || url.includes('{{')) return [];
    const field = 'config.url';
    if (!URL.canParse(url)) {
      const message = `'${url}' is no URL; write it out, such as https://example.com/path`;
      return [{ field, message, type: 'value_error' }];
    }
    try {
      // Whether private addresses are allowed is the worker's to say, when it calls.
      checkTarget(new URL(url), true);
      return [];
    } catch (error) {
      return [{ field, message: (error as Error).message, type: 'value_error' }];
    }
  },

  async execute(context: NodeContext): Promise<NodeResult> {
    const { config, settings, signal } = context;
    const request = requestOf(config);
    const seconds = (config['timeout_seconds'] as number | undefined) ?? DEFAULT_TIMEOUT_SECONDS;
    const abort = new AbortController();
    const stop = (): void => abort.abort(signal.reason);
    const timer = setTimeout(() => abort.abort(), seconds * 1000);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const started = performance.now();
    try {
      // The HTTP client weighs 20 MB, and only a worker that calls somebody needs it.
      const { call } = await import('./call.js');
      const answer = await inSpan(request.method, spanOf(request, context), (span, traceparent) => {
        // What the node's author says of the trace stands.
        const headers = { ...(traceparent && { traceparent }), ...request.headers };
        return call({ ...request, headers }, settings.egressAllowPrivate, abort.signal).then((got) => {
          span.setAttribute('http.response.status_code', got.status);
          return got;
        });
      });
      const took = Math.round(performance.now() - started);
      context.log('INFO', `${describeCall(request)} answered ${answer.status} in ${took} ms`);
      if (!isExpected(answer.status, config['expected_status'])) throw statusError(request, answer);
      return { output: outputOf(request, answer), datasets: [httpDataset(request, answer)] };
    } catch (error) {
      signal.throwIfAborted();
      throw callError(request, error, abort.signal.aborted ? seconds : undefined);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  },
};

/** Without path and query, which may hold what is nobody else's business. */
function spanOf({ method, url }: HttpRequest, { traceparent }: NodeContext): SpanStart {
  const attributes = {
    'http.request.method': method,
    'server.address': url.hostname,
    'url.scheme': url.protocol.slice(0, -1),
  };
  return { parent: traceparent, kind: SpanKind.CLIENT, attributes };
}

function isExpected(status: number, expected: unknown): boolean {
  if (expected === undefined) return status >= 200 && status < 300;
  return [expected].flat().some((one) => Number(one) === status);
}
