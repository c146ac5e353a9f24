import { Module } from '@nestjs/common';
import { CallLimiter } from './call-limiter.js';
import { HookService } from './hook.service.js';
import { HooksController, ShortHooksController } from './hooks.controller.js';

/** Where calls come in that start runs. */
@Module({
  controllers: [HooksController, ShortHooksController],
  providers: [HookService, CallLimiter],
})
export class HooksModule {}
