import { Controller, Get, Module, Post, type Type } from '@nestjs/common';
import { DiscoveryModule, NestFactory } from '@nestjs/core';
import { Authenticated, Public } from './access.decorator.js';
import { RouteCheck } from './route-check.js';

class Base {
  @Get('inherited')
  @Authenticated('runs:read')
  inherited() {}
}

@Controller('open')
class SaidController extends Base {
  @Get()
  @Public()
  everybody() {}

  @Post()
  @Authenticated('runs:execute')
  somebody() {}

  noRoute() {}
}

@Controller('forgotten')
class ForgottenController {
  @Get()
  @Authenticated('runs:read')
  said() {}

  @Post()
  unsaid() {}
}

describe('a route', () => {
  const boot = async (controller: Type): Promise<void> => {
    @Module({ imports: [DiscoveryModule], controllers: [controller], providers: [RouteCheck] })
    class SomeModule {}
    const app = await NestFactory.createApplicationContext(SomeModule, {
      logger: false,
      abortOnError: false,
    });
    await app.close();
  };

  it('may be mounted when it says who may use it', async () => {
    await expect(boot(SaidController)).resolves.toBeUndefined();
  });

  it('keeps the server from starting when it does not', async () => {
    await expect(boot(ForgottenController)).rejects.toThrow(
      /^ForgottenController\.unsaid: say who may use it/,
    );
  });
});
