import { dirname, extname, join } from 'node:path';

import { currentTrace } from '@tauro/tracing';
import { type Params } from 'nestjs-pino';
import pino, { type DestinationStream, type LevelWithSilent, type LoggerOptions } from 'pino';

import { type Env } from '../env/env.js';
import { logStream } from './log-stream.js';
import { prettyStream } from './pretty.js';
import { redact } from './redact.js';
import { requestLogging } from './request-logging.js';
import { rotatingFile } from './rotating-file.js';

const PINO_LEVEL = {
  DEBUG: 'debug',
  INFO: 'info',
  WARNING: 'warn',
  ERROR: 'error',
  CRITICAL: 'fatal',
} as const satisfies Record<Env['LOG_LEVEL'], LevelWithSilent>;

const LABEL: Record<string, string> = {
  trace: 'DEBUG',
  ...Object.fromEntries(Object.entries(PINO_LEVEL).map(([label, level]) => [level, label])),
};

/** Nest tells every module and route at every start, a hundred lines of INFO; they are worth DEBUG. */
const BOOT_NOISE = new Set(['InstanceLoader', 'NestFactory', 'RouterExplorer', 'RoutesResolver']);
const INFO = 30;

const withoutBootNoise: NonNullable<LoggerOptions['hooks']>['logMethod'] = function (args, write, level) {
  const logger = (args[0] as { logger?: string } | undefined)?.logger;
  const isNoise = level === INFO && logger !== undefined && BOOT_NOISE.has(logger);
  if (!isNoise || this.isLevelEnabled('debug')) write.apply(this, args);
};

/**
 * Parameters of nestjs-pino's `LoggerModule.forRoot`: JSON lines with `timestamp, level, logger, message` and,
 * where they are known, `request_id, trace_id, run_id, project_id, duration_ms`; text in a terminal; secrets hidden.
 * @param appName `api`, `worker`, ...: the API writes LOG_FILE, every other app `<appName>.log` beside it.
 */
export function loggerOptions(env: Env, appName: string): Params {
  return {
    renameContext: 'logger',
    pinoHttp: [{ ...requestLogging, ...lineOptions(env) }, output(env, appName)],
  };
}

/** The format of a line. */
export function lineOptions(env: Pick<Env, 'DEBUG' | 'LOG_LEVEL'>): LoggerOptions {
  return {
    level: PINO_LEVEL[env.DEBUG ? 'DEBUG' : env.LOG_LEVEL],
    base: null,
    messageKey: 'message',
    mixin: traceId,
    timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: LABEL[label] ?? label }) },
    hooks: { streamWrite: redact, logMethod: withoutBootNoise },
  };
}

/** In every line that is written for a request which belongs to a trace. */
function traceId(): { trace_id?: string } {
  const trace = currentTrace();
  return trace ? { trace_id: trace.traceId } : {};
}

function output(env: Env, appName: string): DestinationStream {
  const asText = process.stdout.isTTY || env.LOG_FORMAT !== 'json';
  const screen = asText ? prettyStream() : logStream(1);
  const file = env.LOG_FILE && logFile(fileOf(appName, env.LOG_FILE), env);
  if (!file) return screen;
  return pino.multistream([
    { stream: screen, level: 'trace' },
    { stream: file, level: 'trace' },
  ]);
}

function fileOf(appName: string, path: string): string {
  return appName === 'api' ? path : join(dirname(path), appName + (extname(path) || '.log'));
}

/** A log file that cannot be written is worth a line, not an outage. */
function logFile(path: string, env: Env): DestinationStream | undefined {
  try {
    return rotatingFile(path, { maxBytes: env.LOG_ROTATION, keepMs: env.LOG_RETENTION });
  } catch (error) {
    process.stderr.write(`LOG_FILE: ${(error as Error).message}; going on without a log file\n`);
    return undefined;
  }
}
