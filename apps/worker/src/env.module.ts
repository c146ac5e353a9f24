import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Env } from '@tauro/platform';

/** Makes the environment injectable everywhere. */
@Global()
@Module({})
export class EnvModule {
  static forRoot(env: Env): DynamicModule {
    return { module: EnvModule, providers: [{ provide: Env, useValue: env }], exports: [Env] };
  }
}
