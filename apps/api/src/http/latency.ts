import { type NextFunction, type Request, type Response } from 'express';
import { Gauge, Histogram, register } from 'prom-client';

const DURATION = 'tauro_http_request_duration_seconds';
const IN_FLIGHT = 'tauro_http_requests_in_flight';

/**
 * Observes how long each answer took, by route template and class of status: ids in labels would make a series per object.
 */
export function measureLatency(): (req: Request, res: Response, next: NextFunction) => void {
  const histogram =
    (register.getSingleMetric(DURATION) as Histogram | undefined) ??
    new Histogram({
      name: DURATION,
      help: 'Time from request to answer; streams are left out',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    });
  const inFlight =
    (register.getSingleMetric(IN_FLIGHT) as Gauge | undefined) ??
    new Gauge({ name: IN_FLIGHT, help: 'Requests that are being answered, open streams among them' });
  return (req, res, next) => {
    const start = process.hrtime.bigint();
    inFlight.inc();
    res.once('close', () => inFlight.dec());
    res.once('finish', () => {
      if (String(res.getHeader('Content-Type')).startsWith('text/event-stream')) return;
      const seconds = Number(process.hrtime.bigint() - start) / 1e9;
      histogram.labels(req.method, routeOf(req), `${Math.floor(res.statusCode / 100)}xx`).observe(seconds);
    });
    next();
  };
}

/** The template of the route that answers; `none` when that is only what stands before all routes. */
export function routeOf(req: Request): string {
  const { path = '*' } = (req.route ?? {}) as { path?: string };
  return path.includes('*') ? 'none' : path.replace(/:(\w+)/g, '{$1}');
}
