import { type NextFunction, type Request, type Response } from 'express';

/** Tells how long the server took until it began to answer, so that a client can tell its network's part from ours. */
export function serverTiming(_req: Request, res: Response, next: NextFunction): void {
  const start = performance.now();
  const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => Response;
  res.writeHead = ((...args: unknown[]) => {
    if (!res.headersSent) res.setHeader('Server-Timing', `app;dur=${(performance.now() - start).toFixed(1)}`);
    return writeHead(...args);
  }) as Response['writeHead'];
  next();
}
