import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type NestExpressApplication } from '@nestjs/platform-express';
import { type Env, loggerOptions, startErrorReports, startTracing } from '@tauro/platform';
import { Logger as NestPinoLogger, PinoLogger } from 'nestjs-pino';
import { once } from 'node:events';
import { type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { ApiModule } from './api.module.js';
import { BootLogger } from './boot-logger.js';
import { answerClientErrors } from './http/client-errors.js';
import { setUpDocs } from './http/openapi/docs.js';
import { setUpHttp } from './http/set-up-http.js';
import { ListenError } from './listen-error.js';
import { closeOnSignal } from './shutdown.js';

/** Starts one API process; returns when it listens. */
export async function serve(env: Env): Promise<void> {
  await Promise.all([startTracing(env, 'api'), startErrorReports(env, 'api')]);
  const logging = loggerOptions(env, 'api');
  const app = await NestFactory.create<NestExpressApplication>(ApiModule.forRoot(env, logging), {
    // There from the first line on: a store that is away at boot is told while it is waited for.
    logger: new BootLogger(new NestPinoLogger(new PinoLogger(logging), logging)),
    bodyParser: false,
    abortOnError: false,
  });
  setUpHttp(app, env);
  if (env.ENABLE_API_DOCS) setUpDocs(app);
  closeOnSignal(app, env);
  await app.init();
  const server = app.getHttpServer() as Server;
  answerClientErrors(server);
  const { port } = await listen(server, env);
  new Logger('Api').log(`Tauro API listening on http://${env.HOST}:${port}`);
  process.send?.('ready');
}

async function listen(server: Server, env: Env): Promise<AddressInfo> {
  // Longer than what proxies keep, so that none sends a request into a connection that is just closing.
  server.keepAliveTimeout = 65_000;
  server.headersTimeout = 66_000;
  server.listen(env.PORT, env.HOST.replace(/^\[(.*)\]$/, '$1'));
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new ListenError(env, error as NodeJS.ErrnoException);
  }
  return server.address() as AddressInfo;
}
