import { Module } from '@nestjs/common';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { ProjectCopyService } from './project-copy.service.js';
import { ProjectService } from './project.service.js';
import { ProjectsController } from './projects.controller.js';

@Module({
  imports: [NotificationsModule],
  controllers: [ProjectsController],
  providers: [ProjectService, ProjectCopyService],
})
export class ProjectsModule {}
