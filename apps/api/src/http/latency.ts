import { type NextFunction, type Request, type Response } from 'express';
import { Histogram, register } from 'prom-client';

const NAME = 'tauro_http_request_duration_seconds';

/** Observes how long each answer took, by route template: ids in labels would make a series per object. */
export function measureLatency(): (req: Request, res: Response, next: NextFunction) => void {
  const histogram =
    (register.getSingleMetric(NAME) as Histogram | undefined) ??
    new Histogram({
      name: NAME,
      help: 'Time from request to answer; streams are left out',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    });
  return (req, res, next) => {
    const start = process.hrtime.bigint();
    res.once('finish', () => {
      if (String(res.getHeader('Content-Type')).startsWith('text/event-stream')) return;
      const seconds = Number(process.hrtime.bigint() - start) / 1e9;
      histogram.labels(req.method, routeOf(req), String(res.statusCode)).observe(seconds);
    });
    next();
  };
}

/** The template of the route that answers. */
export const routeOf = (req: Request): string =>
  (req.route as { path?: string } | undefined)?.path?.replace(/:(\w+)/g, '{$1}') ?? 'none';
