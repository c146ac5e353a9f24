import { Module } from '@nestjs/common';
import { ConfigsModule } from '../configs/configs.module.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { ProjectBatchController } from './project-batch.controller.js';
import { ProjectBatches } from './project-batches.service.js';
import { ProjectCopyService } from './project-copy.service.js';
import { ProjectService } from './project.service.js';
import { ProjectsController } from './projects.controller.js';

@Module({
  imports: [ConfigsModule, NotificationsModule],
  controllers: [ProjectBatchController, ProjectsController],
  providers: [ProjectService, ProjectBatches, ProjectCopyService],
})
export class ProjectsModule {}
