import { Body, Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Public, Run } from '@tauro/database';
import { isTerminalRun } from '@tauro/domain';
import { RunBacklog, RunCreation, RunService } from '@tauro/orchestration';
import { asStored } from '../audit/as-stored.js';
import { Authenticated } from '../auth/access.decorator.js';
import { contentTag, EntityTag, revisionTag } from '../http/etag.js';
import { ApiData, ApiErrors, ApiInput, ApiList } from '../http/openapi/decorators.js';
import { Deleted } from '../http/openapi/envelope.dto.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { IdOrNamePipe, IdPipe } from '../http/path-params.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { RequestId } from '../http/request-id.js';
import { RunCatalog } from './run-catalog.service.js';
import { CreateRunDto, newRun, TaskView } from './run.dto.js';
import { CREATE_RUN_EXAMPLE } from './run.examples.js';
import { RUN_QUERY, TASK_QUERY } from './run.list.js';

const ID = new IdPipe('run');
// A run that has ended never changes, so its tag need not be made of all of it.
const TAG = (run: Public<Run>): string =>
  isTerminalRun(run.state) ? revisionTag(run.updated_at.getTime()) : contentTag(run);

@ApiTags('runs')
@Controller('api/v1/runs')
export class RunsController {
  constructor(
    private readonly catalog: RunCatalog,
    private readonly creation: RunCreation,
    private readonly runs: RunService,
    private readonly backlog: RunBacklog,
  ) {}

  /** List runs */
  @Get()
  @Authenticated('runs:read')
  @ApiList(Run)
  listRuns(@QueryOf(RUN_QUERY) query: ListQuery) {
    return this.catalog.list(query);
  }

  /** Create a run, and with `start` start it */
  @Post()
  @Authenticated('runs:execute')
  @ApiInput(CreateRunDto, CREATE_RUN_EXAMPLE)
  @ApiData(Run, 201)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async createRun(@Body() body: CreateRunDto, @RequestId() request_id: string) {
    if (body.start) await this.backlog.assertRoom();
    const { waiting_reason, ...run } = await this.creation.create(newRun(body, request_id));
    return asStored(await this.catalog.show({ ...run, waiting_reason }), run);
  }

  /** Get a run with live progress and metrics */
  @Get(':run_id')
  @Authenticated('runs:read')
  @ApiData(Run)
  @ApiErrors('NOT_FOUND')
  @EntityTag(TAG)
  getRun(@Param('run_id', ID) id: string) {
    return this.catalog.get(id);
  }

  /** Start a run; repeating it is harmless */
  @Post(':run_id/start')
  @Authenticated('runs:execute')
  @HttpCode(202)
  @ApiData(Run, 202)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async startRun(@Param('run_id', ID) id: string) {
    await this.backlog.assertRoom([id]);
    return this.catalog.show(await this.runs.start(id));
  }

  /** Cancel a run; it ends when its running tasks have stopped */
  @Post(':run_id/cancel')
  @Authenticated('runs:execute')
  @HttpCode(202)
  @ApiData(Run, 202)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async cancelRun(@Param('run_id', ID) id: string) {
    return this.catalog.show(await this.runs.cancel(id));
  }

  /** Delete a run that has ended, with its tasks, logs and data */
  @Delete(':run_id')
  @Authenticated('runs:execute')
  @ApiData(Deleted)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async deleteRun(@Param('run_id', ID) id: string): Promise<Deleted> {
    await this.runs.delete(id);
    return { id, deleted: true };
  }

  /** List a run's tasks in the order of its graph, with every attempt */
  @Get(':run_id/tasks')
  @Authenticated('runs:read')
  @ApiList(TaskView)
  @ApiErrors('NOT_FOUND')
  listRunTasks(@Param('run_id', ID) id: string, @QueryOf(TASK_QUERY) query: ListQuery) {
    return this.catalog.listTasks(id, query);
  }

  /** Get a task by its id or by the id of its node */
  @Get(':run_id/tasks/:task')
  @Authenticated('runs:read')
  @ApiData(TaskView)
  @ApiErrors('NOT_FOUND')
  @EntityTag(contentTag)
  getRunTask(@Param('run_id', ID) id: string, @Param('task', new IdOrNamePipe('task', 'task')) ref: string) {
    return this.catalog.getTask(id, ref);
  }
}
