import 'reflect-metadata';
import { join } from 'node:path';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type NestExpressApplication } from '@nestjs/platform-express';
import { LoggerModule } from 'nestjs-pino';
import type * as setUp from '../apps/api/src/http/set-up-http.js';
import type * as platform from '../libs/platform/src/index.js';

// The floor to compare with: a Nest route that only returns an object, behind the very middleware of the API.
/* eslint-disable @typescript-eslint/no-require-imports -- the build, so that both sides run the same code */
const built = (path: string): unknown => require(join(__dirname, '../dist', path));
const { setUpHttp } = built('apps/api/src/http/set-up-http.js') as typeof setUp;
const { loadEnv, loggerOptions } = built('libs/platform/src/index.js') as typeof platform;

const body = JSON.parse(process.env.BODY!) as object;

@Controller('run')
class RunController {
  @Get()
  run(): object {
    return body;
  }
}

async function main(): Promise<void> {
  const env = loadEnv([]);
  @Module({ imports: [LoggerModule.forRoot(loggerOptions(env, 'bench'))], controllers: [RunController] })
  class BareModule {}
  const app = await NestFactory.create<NestExpressApplication>(BareModule, {
    bodyParser: false,
    logger: false,
  });
  setUpHttp(app, env);
  await app.listen(env.PORT, env.HOST);
}

void main();
