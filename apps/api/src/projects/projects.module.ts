import { Module } from '@nestjs/common';
import { ProjectCopyService } from './project-copy.service.js';
import { ProjectService } from './project.service.js';
import { ProjectsController } from './projects.controller.js';

@Module({ controllers: [ProjectsController], providers: [ProjectService, ProjectCopyService] })
export class ProjectsModule {}
