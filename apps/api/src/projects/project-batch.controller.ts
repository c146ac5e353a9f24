import { Body, Controller, Delete, Post, Put, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Project } from '@tauro/database';
import { type Response } from 'express';
import { Authenticated } from '../auth/access.decorator.js';
import { ApiBatch, ApiErrors, ApiInput } from '../http/openapi/decorators.js';
import { Deleted } from '../http/openapi/envelope.dto.js';
import { RequestId } from '../http/request-id.js';
import { CreateProjectsDto, DeleteProjectsDto, UpdateProjectsDto } from './project-batch.dto.js';
import { ProjectBatches } from './project-batches.service.js';
import './project.views.dto.js';

const ID = 'proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V';

/** Many projects at a time. Mounted before the other routes, for which `batch` would be an id. */
@ApiTags('projects')
@Controller('api/v1/projects/batch')
export class ProjectBatchController {
  constructor(private readonly batches: ProjectBatches) {}

  /** Create up to 1,000 projects, all or none; with `partial` those that can be, and an answer for each */
  @Post()
  @Authenticated('projects:write', { deployment: true })
  @ApiInput(CreateProjectsDto, {
    projects: [{ name: 'sales' }, { name: 'marketing', owner: 'ana@example.com' }],
  })
  @ApiBatch(Project, 201)
  @ApiErrors('CONFLICT')
  createProjects(
    @Body() body: CreateProjectsDto,
    @RequestId() requestId: string,
    @Res({ passthrough: true }) res: Response,
  ) {
    if (body.partial) res.status(200);
    return this.batches.create(body, requestId);
  }

  /** Change projects, all or none; absent fields stay as they are */
  @Put()
  @Authenticated('projects:write')
  @ApiInput(UpdateProjectsDto, { projects: [{ id: ID, owner: 'ana@example.com', revision: 2 }] })
  @ApiBatch(Project)
  @ApiErrors('NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED')
  updateProjects(@Body() body: UpdateProjectsDto) {
    return this.batches.update(body);
  }

  /** Delete projects with all that belongs to them, all or none */
  @Delete()
  @Authenticated('projects:write')
  @ApiInput(DeleteProjectsDto, { ids: [ID] })
  @ApiBatch(Deleted)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  deleteProjects(@Body() body: DeleteProjectsDto) {
    return this.batches.remove(body);
  }
}
