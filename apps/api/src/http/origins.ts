import { DomainError } from '@tauro/domain';
import { type Env } from '@tauro/platform';
import { type RequestHandler } from 'express';

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Without auth the network is the only lock, and a web page must not pick it: a foreign name that was made to
 * resolve to this server (DNS rebinding) is refused by its `Host`, a form posted from elsewhere by its `Origin`.
 */
export function guardOrigins(env: Env): RequestHandler {
  const hosts = new Set([...LOOPBACK_NAMES, ...env.ALLOWED_HOSTS].map((host) => host.toLowerCase()));
  const origins = new Set(env.CORS_ALLOW_ORIGINS);
  return (req, _res, next) => {
    const { host, origin } = req.headers;
    // Probes come by whatever address a cluster gave the process, and tell nothing worth hiding.
    if (host !== undefined && !hosts.has(hostname(host)) && !req.path.startsWith('/health')) {
      const message = `Host '${host.slice(0, 100)}' is not allowed here; add it to ALLOWED_HOSTS`;
      next(new DomainError('FORBIDDEN', message));
    } else if (origin !== undefined && !SAFE_METHODS.has(req.method) && !isTrusted(origin, host, origins)) {
      const message = `Origin '${origin.slice(0, 100)}' may not change anything here; add it to CORS_ALLOW_ORIGINS`;
      next(new DomainError('FORBIDDEN', message));
    } else {
      next();
    }
  };
}

const hostname = (host: string): string => host.replace(/:\d+$/, '').toLowerCase();

const isTrusted = (origin: string, host: string | undefined, origins: Set<string>): boolean =>
  origins.has(origin) || origins.has('*') || origin === `http://${host}` || origin === `https://${host}`;
