import { Logger } from '@nestjs/common';
import { type NestExpressApplication } from '@nestjs/platform-express';
import { type Env, stopTracing } from '@tauro/platform';
import { type Server } from 'node:http';

/**
 * Ends the process in good order: no new connections, open streams ended, requests in hand answered within
 * SHUTDOWN_GRACE_SECONDS. Also when the process that started it is gone, however that ended.
 */
export function closeOnSignal(app: NestExpressApplication, env: Env): void {
  const logger = new Logger('Api');
  let closing = false;
  const close = (why: string): void => {
    if (closing) return;
    closing = true;
    logger.log(`${why}: closing`);
    const server = app.getHttpServer() as Server;
    // A connection that was busy when the server closed would otherwise be kept alive after its answer.
    setInterval(() => server.closeIdleConnections(), 50).unref();
    setTimeout(() => {
      logger.warn('requests were still in hand when the grace period ended');
      process.exit(0);
    }, env.SHUTDOWN_GRACE_SECONDS * 1000).unref();
    app.close().then(
      () => stopTracing().then(() => process.exit(0)),
      (error: Error) => {
        logger.error(error.message, error.stack);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => close('SIGTERM'));
  process.on('SIGINT', () => close('SIGINT'));
  if (process.send) process.on('disconnect', () => close('the parent process is gone'));
}
