import { Controller, Get, Param } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import {
  PipelineService,
  type RunStatistics,
  ScheduleService,
  StatisticsService,
} from '@tauro/orchestration';
import { Authenticated } from '../auth/access.decorator.js';
import { confined } from '../auth/access.guard.js';
import { currentScope } from '../auth/principal.js';
import { ApiData, ApiErrors } from '../http/openapi/decorators.js';
import { setExample } from '../http/openapi/examples.js';
import { IdOrNamePipe, IdPipe } from '../http/path-params.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { queryOf } from '../http/query/query-reader.js';
import { type Scope, SCOPE_FIELDS } from '../pipelines/scope.js';
import { SINCE, type Since } from './since.js';
import { PipelineStatistics, ScheduleRunStatistics } from './statistics.dto.js';

const PIPELINE = new IdOrNamePipe('pipe', 'pipeline_id');
const SCHEDULE = new IdPipe('sched', 'schedule_id');
const OF_PIPELINE = queryOf({ ...SCOPE_FIELDS, ...SINCE.params });

const EXAMPLE = {
  total_runs: 30,
  success_rate: 0.9667,
  avg_duration_seconds: 214.5,
  runs_by_state: { SUCCESS: 29, FAILED: 1 },
};
setExample(PipelineStatistics, EXAMPLE);
setExample(ScheduleRunStatistics, { ...EXAMPLE, successful_runs: 29, failed_runs: 1, cancelled_runs: 0 });

/** Figures over the runs of one pipeline or one schedule. */
@ApiTags('statistics')
@Controller('api/v1')
export class RunStatisticsController {
  constructor(
    private readonly statistics: StatisticsService,
    private readonly pipelines: PipelineService,
    private readonly schedules: ScheduleService,
  ) {}

  /** Get a pipeline's statistics, by its id or by its name */
  @Get('pipelines/:pipeline_id/stats')
  @Authenticated('statistics:read')
  @ApiData(PipelineStatistics)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async getPipelineStats(
    @Param('pipeline_id', PIPELINE) ref: string,
    @QueryOf(OF_PIPELINE) { project_id, since }: Scope & Since,
  ): Promise<PipelineStatistics> {
    const scope = currentScope();
    const { _id, project_id: owner } = await this.pipelines.resolveWithin(scope, ref, project_id);
    // What belongs to no project may have been run in all of them.
    if (owner === null && scope) throw confined();
    return shown(await this.statistics.runs({ pipeline_id: _id }, since));
  }

  /** Get a schedule's statistics */
  @Get('schedules/:schedule_id/stats')
  @Authenticated('statistics:read')
  @ApiData(ScheduleRunStatistics)
  @ApiErrors('NOT_FOUND')
  async getScheduleStats(
    @Param('schedule_id', SCHEDULE) id: string,
    @QueryOf(SINCE) { since }: Since,
  ): Promise<ScheduleRunStatistics> {
    await this.schedules.get(id);
    const { runs_by_state, ...rest } = shown(await this.statistics.runs({ schedule_id: id }, since));
    const { SUCCESS = 0, FAILED = 0, CANCELLED = 0 } = runs_by_state;
    return {
      ...rest,
      successful_runs: SUCCESS,
      failed_runs: FAILED,
      cancelled_runs: CANCELLED,
      runs_by_state,
    };
  }
}

function shown({
  average_duration_seconds,
  total_runs,
  success_rate,
  runs_by_state,
}: RunStatistics): PipelineStatistics {
  return { total_runs, success_rate, avg_duration_seconds: average_duration_seconds, runs_by_state };
}
