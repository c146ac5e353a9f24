import { relative } from 'node:path';

import { type Env, SECRET_KEY_PLACEHOLDER } from './env.js';
import { type EnvProblem } from './env-error.js';

/** Whether only this machine can reach a server bound to the host. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

/** What fits 192 bits when written as base64. */
const MIN_SECRET_KEY = 32;

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
    name: 'SECRET_KEY',
    broken: (env) => env.ENABLE_AUTH && env.SECRET_KEY === SECRET_KEY_PLACEHOLDER,
    problem: 'is the published placeholder, which protects nothing once ENABLE_AUTH is true',
    example: 'SECRET_KEY=(the output of: openssl rand -base64 48)',
  },
  {
    name: 'SECRET_KEY',
    broken: (env) => env.ENABLE_AUTH && env.SECRET_KEY.length < MIN_SECRET_KEY,
    problem: `is shorter than ${MIN_SECRET_KEY} characters: whoever sees one token could find it by trying`,
    example: 'SECRET_KEY=(the output of: openssl rand -base64 48)',
  },
  {
    name: 'JWT_JWKS_URL',
    broken: (env) => env.JWT_JWKS_URL !== undefined && !(env.JWT_ISSUER && env.JWT_AUDIENCE),
    problem: 'needs JWT_ISSUER and JWT_AUDIENCE, or tokens that were made for others would be accepted',
    example: 'JWT_ISSUER=https://id.example.com/ and JWT_AUDIENCE=https://tauro.example.com',
  },
  {
    name: 'JWT_JWKS_URL',
    broken: ({ JWT_JWKS_URL = 'https://' }) =>
      !/^https:/.test(JWT_JWKS_URL) && !isLoopback(hostOf(JWT_JWKS_URL)),
    problem: 'is not https, so that anybody on the way could replace the keys',
    example: 'JWT_JWKS_URL=https://id.example.com/.well-known/jwks.json',
  },
  {
    name: 'DATA_ROOTS',
    broken: (env) => env.HANDLERS_PATH.some((path) => env.DATA_ROOTS.some((root) => isWithin(path, root))),
    problem: 'hold a folder of HANDLERS_PATH, so that a pipeline could write the code that workers load',
    example: 'DATA_ROOTS=["data"], with the handlers elsewhere',
  },
  {
    name: 'COMMANDS_ALLOWED',
    broken: (env) => env.COMMANDS_ENABLED && env.COMMANDS_ALLOWED.length === 0,
    problem: 'is empty, so that COMMANDS_ENABLED would enable nothing; name the programs, or * for any',
    example: 'COMMANDS_ALLOWED=["python3","/opt/etl/*"]',
  },
  {
    name: 'COMMANDS_ALLOWED',
    broken: (env) => env.COMMANDS_ALLOWED.some((entry) => entry.includes('/') && !entry.startsWith('/')),
    problem: 'has a path that is not absolute, which would depend on where a command is started',
    example: 'COMMANDS_ALLOWED=["python3","/opt/etl/*"]',
  },
  {
    name: 'CONTAINER_IMAGES',
    broken: (env) => (env.CONTAINERS_ENABLED || env.KUBERNETES_ENABLED) && env.CONTAINER_IMAGES.length === 0,
    problem:
      'is empty, so that CONTAINERS_ENABLED or KUBERNETES_ENABLED would enable nothing; name the images, or ** for any',
    example: 'CONTAINER_IMAGES=["python:3.13-slim"]',
  },
  {
    name: 'CONTAINER_NETWORKS',
    broken: (env) => env.CONTAINER_NETWORKS.some((name) => /^(host|container:.*)$/.test(name)),
    problem: 'has a network that is no border: containers would share that of the machine or of others',
    example: 'CONTAINER_NETWORKS=["bridge"]',
  },
  {
    name: 'KUBERNETES_NAMESPACES',
    broken: (env) =>
      env.KUBERNETES_NAMESPACES.some((name) => !/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)),
    problem: 'has a name that no namespace can have',
    example: 'KUBERNETES_NAMESPACES=["etl"]',
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

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).hostname : '');

const isWithin = (path: string, folder: string): boolean => !/^\.\.(\/|$)/.test(relative(folder, path));

/** The rules that this configuration breaks. */
export function checkBootRules(env: Env): EnvProblem[] {
  return RULES.filter((rule) => rule.broken(env)).map(({ name, problem, example }) => ({
    name,
    problem,
    example,
  }));
}
