/** What is counted apart, so that a dashboard that reads too much stops nobody from starting a run. */
export type RouteClass = 'read' | 'write' | 'start' | 'hook' | 'auth';

const ID = '[^/]+';
const STARTS = new RegExp(
  `^/api/v1/(runs(/batch(/start)?|/${ID}/(start|rerun|resume))?|schedules/${ID}/(trigger|backfill))/?$`,
  'i',
);

/** In this order; the first that fits. */
const CLASSES: { name: RouteClass; fits: (method: string, path: string) => boolean }[] = [
  { name: 'hook', fits: (_, path) => /^(\/api\/v1)?\/hooks\//i.test(path) },
  { name: 'auth', fits: (_, path) => /^\/api\/v1\/auth\//i.test(path) },
  { name: 'read', fits: (method) => method === 'GET' || method === 'HEAD' },
  { name: 'start', fits: (method, path) => method === 'POST' && STARTS.test(path) },
  { name: 'write', fits: () => true },
];

/** Probes and scrapes come as often as an operator wants. */
const FREE = /^\/(health|metrics)(\/|$)/i;

/** @returns undefined for what is never limited. */
export const routeClass = (method: string, path: string): RouteClass | undefined =>
  FREE.test(path) ? undefined : CLASSES.find(({ fits }) => fits(method, path))!.name;

/** Credentials are tried in this share of the requests that any other class may have. */
const AUTH_SHARE = 0.1;

/** Requests of a class per window. */
export const limitOf = (name: RouteClass, requests: number): number =>
  name === 'auth' ? Math.max(1, Math.floor(requests * AUTH_SHARE)) : requests;
