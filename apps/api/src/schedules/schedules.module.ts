import { Module } from '@nestjs/common';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { BackfillsController } from './backfills.controller.js';
import { ScheduleBatchController } from './schedule-batch.controller.js';
import { ScheduleCatalog } from './schedule-catalog.service.js';
import { SchedulesController } from './schedules.controller.js';

@Module({
  imports: [NotificationsModule],
  controllers: [ScheduleBatchController, SchedulesController, BackfillsController],
  providers: [ScheduleCatalog],
})
export class SchedulesModule {}
