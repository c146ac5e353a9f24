import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { parse } from 'dotenv';

import { checkBootRules, isLoopback } from './boot-rules.js';
import { Env } from './env.js';
import { EnvError, type EnvProblem } from './env-error.js';
import { VARIABLES, type VariableSpec } from './variable.js';

type Texts = Record<string, string | undefined>;

const FLAGS: Record<string, string> = { '--port': 'PORT', '--host': 'HOST', '--log-level': 'LOG_LEVEL' };

/**
 * Reads and checks the whole configuration. For each variable the first that is set wins: the command line
 * (`--port`, `--host`, `--log-level`), the process environment, the `.env` file, `fallbacks`, the default.
 * An empty value counts as unset. @throws EnvError that lists every bad variable at once.
 */
export function loadEnv(
  argv: string[] = process.argv.slice(2),
  source: Texts = process.env,
  dotenvPath = '.env',
  fallbacks: Texts = {},
): Env {
  const problems: EnvProblem[] = [];
  const layers = [
    flags(argv),
    source,
    existsSync(dotenvPath) ? parse(readFileSync(dotenvPath)) : {},
    fallbacks,
  ];
  const values: Record<string, unknown> = {};
  for (const spec of VARIABLES) {
    const text = layers.map((layer) => layer[spec.name]?.trim()).find(Boolean) ?? spec.default;
    try {
      values[spec.name] = text === '' ? undefined : spec.kind.parse(text);
    } catch (error) {
      problems.push(describe(spec, text, error));
    }
  }
  if (problems.length > 0) throw new EnvError(problems);
  const env = Object.assign(new Env(), values, derived(values as unknown as Env));
  const broken = checkBootRules(env);
  if (broken.length > 0) throw new EnvError(broken);
  return Object.freeze(env);
}

function flags(argv: string[]): Texts {
  const texts: Texts = {};
  argv.forEach((argument, index) => {
    const [flag = '', ...rest] = argument.split('=');
    const name = FLAGS[flag];
    // A flag without a value must be told, not read as unset.
    if (name) texts[name] = rest.length > 0 ? rest.join('=') : (argv[index + 1] ?? `(nothing after ${flag})`);
  });
  return texts;
}

/** Defaults that depend on other variables. */
function derived(env: Env): Partial<Env> {
  const pipelines = env.PIPELINES_PATH ?? [];
  return {
    PIPELINES_PATH: pipelines,
    HANDLERS_PATH:
      env.HANDLERS_PATH ?? pipelines.map((path) => join(path, 'handlers')).filter((path) => existsSync(path)),
    DATA_ROOTS: env.DATA_ROOTS ?? ['data'],
    WORKER_TAGS: env.WORKER_TAGS ?? [],
    TEMPLATE_ENV: env.TEMPLATE_ENV ?? [],
    COMMANDS_ALLOWED: env.COMMANDS_ALLOWED ?? [],
    CONTAINER_IMAGES: env.CONTAINER_IMAGES ?? [],
    CONTAINER_NETWORKS: env.CONTAINER_NETWORKS ?? [],
    ALLOWED_HOSTS: env.ALLOWED_HOSTS ?? [...new Set(['localhost', '127.0.0.1', '[::1]', env.HOST])],
    EGRESS_ALLOW_PRIVATE: env.EGRESS_ALLOW_PRIVATE ?? (!env.ENABLE_AUTH && isLoopback(env.HOST)),
  };
}

function describe(spec: VariableSpec, text: string, error: unknown): EnvProblem {
  const what = error instanceof Error ? error.message : String(error);
  return {
    name: spec.name,
    problem: spec.secret ? what : `${JSON.stringify(text)} ${what}`,
    example: `${spec.name}=${spec.example}`,
  };
}
