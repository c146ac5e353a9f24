import { limitOf, routeClass } from './route-class.js';

describe('the class of a route', () => {
  it.each([
    ['GET', '/api/v1/runs', 'read'],
    ['HEAD', '/api/v1/runs/run_1', 'read'],
    ['GET', '/api/v1/runs/run_1/logs', 'read'],
    ['GET', '/openapi.json', 'read'],
    ['GET', '/no/such/path', 'read'],
    ['POST', '/api/v1/projects', 'write'],
    ['PUT', '/api/v1/pipelines/daily_etl', 'write'],
    ['DELETE', '/api/v1/runs/run_1', 'write'],
    ['POST', '/api/v1/runs/run_1/cancel', 'write'],
    ['POST', '/api/v1/runs/batch/cancel', 'write'],
    ['POST', '/api/v1/runs', 'start'],
    ['POST', '/API/v1/Runs/', 'start'],
    ['POST', '/api/v1/runs/batch', 'start'],
    ['POST', '/api/v1/runs/batch/start', 'start'],
    ['POST', '/api/v1/runs/run_1/start', 'start'],
    ['POST', '/api/v1/runs/run_1/rerun', 'start'],
    ['POST', '/api/v1/schedules/sched_1/trigger', 'start'],
    ['POST', '/api/v1/schedules/sched_1/backfill', 'start'],
    ['POST', '/hooks/abc', 'hook'],
    ['POST', '/api/v1/hooks/abc', 'hook'],
    ['POST', '/api/v1/auth/token', 'auth'],
    ['GET', '/health', undefined],
    ['GET', '/health/ready', undefined],
    ['GET', '/metrics', undefined],
    ['GET', '/healthy', 'read'],
  ])('%s %s is %s', (method, path, expected) => {
    expect(routeClass(method, path)).toBe(expected);
  });

  it.each([
    ['read', 100, 100],
    ['auth', 100, 10],
    ['auth', 5, 1],
  ] as const)('%s may have, of %d requests, %d', (name, requests, expected) => {
    expect(limitOf(name, requests)).toBe(expected);
  });
});
