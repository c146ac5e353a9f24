import { Module } from '@nestjs/common';
import { NotificationsController } from './notifications.controller.js';
import { NotificationSettingsService } from './settings.service.js';

/** What was sent to whom, and the settings that other rooms store. */
@Module({
  controllers: [NotificationsController],
  providers: [NotificationSettingsService],
  exports: [NotificationSettingsService],
})
export class NotificationsModule {}
