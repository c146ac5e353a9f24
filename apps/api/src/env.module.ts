import { type DynamicModule, Module } from '@nestjs/common';
import { Env } from '@tauro/platform';

/** The configuration that was read at boot, injectable everywhere by its class. */
@Module({})
export class EnvModule {
  static of(env: Env): DynamicModule {
    return {
      module: EnvModule,
      global: true,
      providers: [{ provide: Env, useValue: env }],
      exports: [Env],
    };
  }
}
