import { relative } from 'node:path';

import { type Env, SECRET_KEY_PLACEHOLDER } from './env.js';
import { type EnvProblem } from './env-error.js';

/** Whether only this machine can reach a server bound to the host. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

interface Rule extends EnvProblem {
  broken(env: Env): boolean;
}

/** Combinations that are refused because they expose more than their author can have meant. */
const RULES: Rule[] = [
  {
    name: 'HOST',
    broken: (env) => !env.ENABLE_AUTH && !isLoopback(env.HOST) && !env.ALLOW_UNAUTHENTICATED_NETWORK,
    problem:
      'others could reach the API while ENABLE_AUTH is false; keep to this machine, or accept that openly',
    example: 'HOST=127.0.0.1 (or ALLOW_UNAUTHENTICATED_NETWORK=true)',
  },
  {
    name: 'CORS_ALLOW_ORIGINS',
    broken: (env) =>
      env.CORS_ALLOW_CREDENTIALS && env.CORS_ALLOW_ORIGINS.some((origin) => origin.includes('*')),
    problem: 'a wildcard would give credentials to every site; list the origins',
    example: 'CORS_ALLOW_ORIGINS=["https://app.example.com"] (or CORS_ALLOW_CREDENTIALS=false)',
  },
  {
    name: 'CORS_ALLOW_ORIGINS',
    broken: (env) => env.CORS_ALLOW_ORIGINS.some((origin) => origin !== '*' && !isOrigin(origin)),
    problem: 'has an entry that no browser sends: an origin is a scheme, a host and perhaps a port, no more',
    example: 'CORS_ALLOW_ORIGINS=["https://app.example.com","http://localhost:3000"]',
  },
  {
    name: 'REQUIRE_HTTPS',
    broken: (env) => env.REQUIRE_HTTPS && env.TRUST_PROXY === false,
    problem:
      'would refuse everything: the API speaks no HTTPS itself, and no proxy is trusted to say that it did',
    example: 'REQUIRE_HTTPS=true with TRUST_PROXY=loopback',
  },
  {
    name: 'ENABLE_AUTH',
    broken: (env) => env.ENABLE_AUTH,
    problem: 'this version cannot authenticate anybody yet, so the API would be open all the same',
    example: 'ENABLE_AUTH=false (behind a proxy that authenticates)',
  },
  {
    name: 'SECRET_KEY',
    broken: (env) => env.ENABLE_AUTH && env.SECRET_KEY === SECRET_KEY_PLACEHOLDER,
    problem: 'is the published placeholder, which protects nothing once ENABLE_AUTH is true',
    example: 'SECRET_KEY=(the output of: openssl rand -base64 48)',
  },
  {
    name: 'DATA_ROOTS',
    broken: (env) => env.HANDLERS_PATH.some((path) => env.DATA_ROOTS.some((root) => isWithin(path, root))),
    problem: 'hold a folder of HANDLERS_PATH, so that a pipeline could write the code that workers load',
    example: 'DATA_ROOTS=["data"], with the handlers elsewhere',
  },
  {
    name: 'HEARTBEAT_SECONDS',
    broken: (env) => env.HEARTBEAT_SECONDS > env.LEASE_SECONDS / 2,
    problem: 'is more than half of LEASE_SECONDS, so that one late heartbeat would lose a task',
    example: 'HEARTBEAT_SECONDS=3 with LEASE_SECONDS=10',
  },
];

/** As a browser writes it: lower case, no default port, no path; the word `null` would be every sandboxed page. */
const isOrigin = (text: string): boolean =>
  /^https?:/i.test(text)
    ? URL.canParse(text) && new URL(text).origin === text && !text.includes('*')
    : /^[a-z][a-z0-9+.-]*:\/\/[^/?#*\s]+$/.test(text);

const isWithin = (path: string, folder: string): boolean => !/^\.\.(\/|$)/.test(relative(folder, path));

/** The rules that this configuration breaks. */
export function checkBootRules(env: Env): EnvProblem[] {
  return RULES.filter((rule) => rule.broken(env)).map(({ name, problem, example }) => ({
    name,
    problem,
    example,
  }));
}
