import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SchemaError } from '@tauro/database';
import { Reconciler, Retention, Scheduler } from '@tauro/orchestration';
import {
  EnvError,
  loadEnv,
  reportCrash,
  startErrorReports,
  startTracing,
  stopTracing,
} from '@tauro/platform';
import { Logger as PinoLogger } from 'nestjs-pino';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ContainerReaper } from './commands/container-reaper.js';
import { Consumers } from './consumers.js';
import { TasksInHand } from './execution/in-hand.js';
import { CommandPool } from './executors/command-pool.js';
import { HandlerPool } from './executors/handler-pool.js';
import { HandlerReload } from './executors/handler-reload.js';
import { TablePool } from './executors/table-pool.js';
import { Hearing } from './hearing.js';
import { MetricsServer } from './metrics-server.js';
import { nodeSettings, tableProcesses } from './node-settings.js';
import { Deliveries } from './notifications/deliveries.js';
import { Presence } from './presence.js';
import { WorkerModule } from './worker.module.js';

/** After the grace: to hand back what is left, flush logs and close connections. */
const LEAVING_SECONDS = 10;

async function main(): Promise<void> {
  const env = loadEnv();
  await Promise.all([startTracing(env, 'worker'), startErrorReports(env, 'worker')]);
  const settings = nodeSettings(env);
  const handlers = await HandlerPool.start({
    paths: env.HANDLERS_PATH,
    size: env.WORKER_CONCURRENCY,
    memoryMb: env.TASK_MEMORY_MB,
    cacheDirectory: resolve(env.DATA_DIR, 'handler-cache'),
    onStray: (message) => new Logger('Handlers').warn(message),
  });
  const tables = new TablePool({
    settings,
    artifacts: env.ARTIFACTS_URL,
    size: tableProcesses(env),
    onStray: (message) => new Logger('Tables').warn(message),
  });
  const commands = new CommandPool({
    limits: settings.commands,
    deployment: env.QUEUE_PREFIX,
    dockerHost: env.DOCKER_HOST,
    ...(env.KUBERNETES_ENABLED && {
      kubernetes: { namespaces: env.KUBERNETES_NAMESPACES, kubeconfig: env.KUBECONFIG },
    }),
    // One more, for looking after containers and Jobs that nobody owns.
    size: env.WORKER_CONCURRENCY + 1,
    onStray: (message) => new Logger('Commands').warn(message),
  });
  const app = await NestFactory.createApplicationContext(
    WorkerModule.forRoot(env, { handlers, tables, commands }, settings),
    { bufferLogs: true },
  );
  app.useLogger(app.get(PinoLogger));
  const logger = new Logger('Worker');

  const presence = app.get(Presence);
  const consumers = app.get(Consumers);
  const inHand = app.get(TasksInHand);
  const reload = new HandlerReload(handlers, env.HANDLERS_PATH, new Logger('Handlers'));

  let leaving: Promise<void> | undefined;
  const leave = async (why: string, code: number): Promise<void> => {
    // A native call that cannot be interrupted must not keep a leaving process: what it does is repeated elsewhere.
    const last = (env.SHUTDOWN_GRACE_SECONDS + LEAVING_SECONDS) * 1000;
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), last).unref();
    logger.log(`${why}: finishing ${inHand.count} tasks, for ${env.SHUTDOWN_GRACE_SECONDS} s at most`);
    app.get(Hearing).stop();
    reload.stop();
    await Promise.race([presence.draining(), sleep(1000)]);
    const closed = Promise.all([consumers.close(), app.get(Deliveries).close()]);
    await Promise.race([closed, sleep(env.SHUTDOWN_GRACE_SECONDS * 1000, undefined, { ref: false })]);
    if (inHand.count > 0) {
      logger.log(`handing ${inHand.count} tasks back`);
      inHand.abortAll('worker stops');
    }
    await Promise.race([closed, sleep(6000, undefined, { ref: false })]);
    await presence.leave();
    app.get(MetricsServer).stop();
    app.get(ContainerReaper).stop();
    await Promise.all([handlers.close(), tables.close(), commands.close()]);
    await Promise.race([app.close(), sleep(3000)]);
    await Promise.race([stopTracing(), sleep(3000)]);
    process.exit(code);
  };
  const onSignal = (why: string, code = 0): void => {
    leaving ??= leave(why, code).catch((error: Error) => {
      logger.error(error.message, error.stack);
      process.exit(1);
    });
  };
  process.on('SIGTERM', () => onSignal('SIGTERM'));
  process.on('SIGINT', () => onSignal('SIGINT'));
  // Started by a supervisor: leave with it, however it ended.
  if (process.send) process.on('disconnect', () => onSignal('the supervisor is gone'));

  if (env.RELOAD) await reload.start();
  await app.get(MetricsServer).start();
  await consumers.start();
  await presence.start();
  app.get(Reconciler).start();
  app.get(Retention).start();
  app.get(ContainerReaper).start();
  if (env.SCHEDULER_ENABLED) app.get(Scheduler).start();
  // Whoever started this worker starts it again.
  app.get(Hearing).start((why) => onSignal(why, 1));
  logger.log(
    `worker ready: ${env.WORKER_CONCURRENCY} slots, handlers: ${handlers.names().join(', ') || 'none'}`,
  );
  process.send?.('ready');
}

main().catch(async (error: unknown) => {
  // What a person can put right is said plainly; anything else with its stack.
  if (error instanceof EnvError || error instanceof SchemaError) console.error(error.message);
  else {
    console.error(error);
    await reportCrash(error);
  }
  process.exit(1);
});
