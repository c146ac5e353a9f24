import { Module } from '@nestjs/common';
import { TriggerCatalog } from './trigger-catalog.service.js';
import { TriggersController } from './triggers.controller.js';

@Module({ controllers: [TriggersController], providers: [TriggerCatalog] })
export class TriggersModule {}
