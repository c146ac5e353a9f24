import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Project, type Public } from '@tauro/database';
import { Authenticated } from '../auth/access.decorator.js';
import { ProjectRemovalService } from '@tauro/orchestration';
import { type Page } from '../http/envelope.js';
import { Deprecated } from '../http/deprecated.js';
import { EntityTag, IfMatch, revisionTag } from '../http/etag.js';
import { ApiData, ApiErrors, ApiInput, ApiList } from '../http/openapi/decorators.js';
import { Deleted } from '../http/openapi/envelope.dto.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { IdPipe } from '../http/path-params.js';
import { flag } from '../http/query/query-field.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { queryOf } from '../http/query/query-reader.js';
import { RequestId } from '../http/request-id.js';
import { ProjectCopyService } from './project-copy.service.js';
import { CreateProjectDto, DuplicateProjectDto, UpdateProjectDto } from './project.dto.js';
import { PROJECT_QUERY } from './project.list.js';
import { ProjectService } from './project.service.js';
import { ProjectDetail, ProjectStatistics } from './project.views.dto.js';
import { SINCE, type Since } from '../statistics/since.js';

const CREATE_EXAMPLE = {
  name: 'my_first_project',
  description: 'Getting started with Tauro',
  owner: 'developer@example.com',
};
const UPDATE_EXAMPLE = {
  description: 'What it is for by now',
  notifications: {
    email: 'alerts@company.com',
    webhook: { url: 'https://hooks.example.com/tauro', secret: 'only ever written' },
  },
};
const REMOVAL = queryOf({
  force: flag('Cancel active runs and delete enabled schedules instead of refusing.'),
});
const ID = new IdPipe('proj', 'project_id');
const TAG = ({ revision }: Public<Project>): string => revisionTag(revision);

@ApiTags('projects')
@Controller('api/v1/projects')
export class ProjectsController {
  constructor(
    private readonly projects: ProjectService,
    private readonly copies: ProjectCopyService,
    private readonly removals: ProjectRemovalService,
  ) {}

  /** List projects */
  @Get()
  @Authenticated('projects:read')
  @ApiList(Project)
  listProjects(@QueryOf(PROJECT_QUERY) query: ListQuery): Promise<Page<Partial<Public<Project>>>> {
    return this.projects.list(query);
  }

  /** Create a project */
  @Post()
  @Authenticated('projects:write', { deployment: true })
  @ApiInput(CreateProjectDto, CREATE_EXAMPLE)
  @ApiData(Project, 201)
  @ApiErrors('CONFLICT')
  createProject(@Body() body: CreateProjectDto, @RequestId() requestId: string): Promise<Public<Project>> {
    return this.projects.create(body, requestId);
  }

  /** Get a project with its statistics */
  @Get(':project_id')
  @Authenticated('projects:read')
  @ApiData(ProjectDetail)
  @ApiErrors('NOT_FOUND')
  @EntityTag(TAG)
  async getProject(@Param('project_id', ID) id: string) {
    const [project, statistics] = await Promise.all([this.projects.get(id), this.projects.stats(id)]);
    return { ...project, statistics };
  }

  /** Change a project; absent fields stay as they are */
  @Put(':project_id')
  @Authenticated('projects:write')
  @ApiInput(UpdateProjectDto, UPDATE_EXAMPLE)
  @ApiData(Project)
  @ApiErrors('NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED')
  @EntityTag(TAG)
  updateProject(
    @Param('project_id', ID) id: string,
    @Body() body: UpdateProjectDto,
    @IfMatch() expected: number | undefined,
  ): Promise<Public<Project>> {
    return this.projects.update(id, body, expected);
  }

  /** Delete a project with its schedules and its stored pipelines */
  @Delete(':project_id')
  @Authenticated('projects:write')
  @ApiData(Deleted)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async deleteProject(
    @Param('project_id', ID) id: string,
    @QueryOf(REMOVAL) { force }: { force: boolean },
  ): Promise<Deleted> {
    await this.removals.remove(id, force);
    return { id, deleted: true };
  }

  /** Get a project's statistics */
  @Get(':project_id/stats')
  @Authenticated('statistics:read')
  @ApiData(ProjectStatistics)
  @ApiErrors('NOT_FOUND')
  getProjectStats(
    @Param('project_id', ID) id: string,
    @QueryOf(SINCE) { since }: Since,
  ): Promise<ProjectStatistics> {
    return this.projects.stats(id, since);
  }

  /** Get a project's statistics: another name of `/stats` */
  @Get(':project_id/statistics')
  @Authenticated('statistics:read')
  @Deprecated('2026-12-01', 'stats')
  @ApiData(ProjectStatistics)
  @ApiErrors('NOT_FOUND')
  getProjectStatistics(
    @Param('project_id', ID) id: string,
    @QueryOf(SINCE) { since }: Since,
  ): Promise<ProjectStatistics> {
    return this.projects.stats(id, since);
  }

  /** Copy a project with its stored pipelines, configs and (disabled) schedules, but without its runs */
  @Post(':project_id/duplicate')
  @Authenticated('projects:write', { deployment: true })
  @HttpCode(201)
  @ApiInput(DuplicateProjectDto, { name: 'my_second_project' }, false)
  @ApiData(Project, 201)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  duplicateProject(
    @Param('project_id', ID) id: string,
    @Body() body: DuplicateProjectDto,
    @RequestId() requestId: string,
  ): Promise<Public<Project>> {
    return this.copies.copy(id, body.name, requestId);
  }
}
