import { type ErrorEvent } from '@sentry/core';
import { type ServerRuntimeClient, type ServerRuntimeClientOptions } from '@sentry/core/server';
import { hostname } from 'node:os';
import { type Env } from '../env/env.js';
import { redact } from '../logger/redact.js';
import { currentTrace } from '@tauro/tracing';
import { VERSION } from '../version.js';

/** What an error was met at: ids and names only, since they leave the house. */
export type ErrorSubject = Record<string, string | undefined>;

interface Reporter {
  report(error: unknown, tags: ErrorSubject): void;
  flush(): Promise<unknown>;
}

/** The same error is told of once in this time: an outage makes thousands that are all alike. */
const AGAIN_MS = 60_000;
const MOST_REMEMBERED = 500;
/** Of one request to Sentry, and of all that are under way when a process ends. */
const SEND_MS = 5000;
const FLUSH_MS = 2000;

let reporter: Reporter | undefined;

/** Reports this process's unexpected errors to Sentry, if SENTRY_DSN is set; its client is loaded only then. */
export async function startErrorReports(
  { SENTRY_DSN, SENTRY_SAMPLE_RATE }: Pick<Env, 'SENTRY_DSN' | 'SENTRY_SAMPLE_RATE'>,
  app: string,
): Promise<void> {
  if (SENTRY_DSN === undefined) return;
  // The core of Sentry's client alone: @sentry/node adds automatic instrumentation and a bundler.
  const sentry = await import('@sentry/core/server');
  const { createStackParser, createTransport, Scope } = await import('@sentry/core');
  const options: ServerRuntimeClientOptions = {
    dsn: SENTRY_DSN,
    sampleRate: SENTRY_SAMPLE_RATE,
    release: `tauro@${VERSION}`,
    serverName: hostname(),
    platform: 'node',
    runtime: { name: 'node', version: process.version },
    integrations: [],
    stackParser: createStackParser(sentry.nodeStackLineParser()),
    beforeSend: scrubbed,
    transport: ({ url, headers, ...rest }) =>
      createTransport(rest, ({ body }) => post(url, body, headers ?? {})),
  };
  const client: ServerRuntimeClient = new sentry.ServerRuntimeClient(options);
  client.init();
  const told = new Map<string, number>();
  reporter = {
    report(error, tags) {
      if (!isNew(told, error)) return;
      const scope = new Scope();
      scope.setTags({ process: app, ...tags });
      client.captureException(error, undefined, scope);
    },
    flush: async () => client.flush(FLUSH_MS),
  };
  process.on('uncaughtException', (error: unknown) => {
    const text = (error instanceof Error && error.stack) || String(error);
    process.stderr.write(`${redact(text)}\n`);
    void reportCrash(error).finally(() => process.exit(1));
  });
}

/** Tells of an error that should not have been possible; what users' nodes fail with is not. Nothing while SENTRY_DSN is unset. */
export function reportError(error: unknown, subject: ErrorSubject = {}): void {
  reporter?.report(error, { trace_id: currentTrace()?.traceId, ...subject });
}

/** The same when the process ends of it: resolves once it is sent, or after 2 s. */
export async function reportCrash(error: unknown): Promise<void> {
  if (!reporter) return;
  reporter.report(error, { crash: 'true' });
  await Promise.race([reporter.flush(), new Promise((resolve) => setTimeout(resolve, FLUSH_MS))]);
}

function isNew(told: Map<string, number>, error: unknown): boolean {
  const { name, stack } = error instanceof Error ? error : new Error(String(error));
  // Where it was thrown: messages hold ids.
  const place = /\n\s+at .*/.exec(stack ?? '')?.[0] ?? '';
  const key = name + place;
  const now = performance.now();
  if (now - (told.get(key) ?? -Infinity) < AGAIN_MS) return false;
  if (told.size >= MOST_REMEMBERED) told.clear();
  told.set(key, now);
  return true;
}

/** As lines of the log are: secrets may stand in messages. */
const scrubbed = (event: ErrorEvent): ErrorEvent => JSON.parse(redact(JSON.stringify(event))) as ErrorEvent;

async function post(url: string, body: string | Uint8Array, headers: Record<string, string>) {
  const answer = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-sentry-envelope', ...headers },
    signal: AbortSignal.timeout(SEND_MS),
  });
  await answer.body?.cancel();
  return {
    statusCode: answer.status,
    // When Sentry has had enough it says for how long, and the client heeds that.
    headers: {
      'x-sentry-rate-limits': answer.headers.get('x-sentry-rate-limits'),
      'retry-after': answer.headers.get('retry-after'),
    },
  };
}
