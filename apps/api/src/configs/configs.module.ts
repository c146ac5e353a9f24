import { Module } from '@nestjs/common';
import { ConfigPromotionsController } from './config-promotions.controller.js';
import { ConfigStore } from './config-store.service.js';
import { ConfigVersionsController } from './config-versions.controller.js';
import { ConfigService } from './config.service.js';
import { ConfigsController } from './configs.controller.js';
import { PromotionService } from './promotion.service.js';

@Module({
  controllers: [ConfigsController, ConfigVersionsController, ConfigPromotionsController],
  providers: [ConfigStore, ConfigService, PromotionService],
  exports: [ConfigStore],
})
export class ConfigsModule {}
