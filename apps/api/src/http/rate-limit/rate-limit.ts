import { DomainError } from '@tauro/domain';
import { type Env } from '@tauro/platform';
import { type RedisCommands } from '@tauro/queue';
import { type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import { currentPrincipal } from '../../auth/principal.js';
import { clientAddress } from './client-address.js';
import { limitOf, routeClass } from './route-class.js';
import { WindowCounter } from './window-counter.js';

/** Counts every request by its client and the class of its route, and refuses those beyond the limit with 429. */
export function limitRate(env: Env, redis: RedisCommands): RequestHandler {
  const counter = new WindowCounter(redis, 'requests');
  const windowMs = env.RATE_LIMIT_WINDOW * 1000;
  return async (req: Request, res: Response, next: NextFunction) => {
    const name = routeClass(req.method, req.path);
    if (name === undefined) return next();
    const limit = limitOf(name, env.RATE_LIMIT_REQUESTS);
    // A limit that was changed counts anew.
    const key = `${env.QUEUE_PREFIX}:rate:${name}:${limit}:${windowMs}:${callerOf(req)}`;
    const counted = await counter.count(key, windowMs);
    if (counted === undefined) return next();
    const seconds = Math.ceil(counted.restMs / 1000);
    res.set({
      'RateLimit-Limit': String(limit),
      'RateLimit-Remaining': String(Math.max(0, limit - counted.count)),
      'RateLimit-Reset': String(seconds),
      'RateLimit-Policy': `${limit};w=${env.RATE_LIMIT_WINDOW}`,
    });
    if (counted.count <= limit) return next();
    const message = `${limit} ${name} requests in ${env.RATE_LIMIT_WINDOW} seconds are allowed; try again in ${seconds} seconds`;
    next(new DomainError('RATE_LIMIT_EXCEEDED', message, [], seconds));
  };
}

/** Whoever is known is counted by the key or the subject of the token, from wherever it asks; all others by address. */
function callerOf(req: Request): string {
  const { kind, id } = currentPrincipal();
  return kind === 'anonymous' ? clientAddress(req.ip) : `${kind}:${id}`;
}
