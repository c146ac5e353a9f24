import { Controller, Get, Param } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { ApiTags } from '@nestjs/swagger';
import { QualityResult, Run } from '@tauro/database';
import { notFound } from '@tauro/domain';
import { PipelineService } from '@tauro/orchestration';
import { type Model } from 'mongoose';
import { Authenticated } from '../auth/access.decorator.js';
import { currentScope } from '../auth/principal.js';
import { ApiErrors, ApiList } from '../http/openapi/decorators.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { IdOrNamePipe, IdPipe } from '../http/path-params.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import './quality.examples.js';
import {
  PIPELINE_QUALITY_LIST,
  PIPELINE_QUALITY_QUERY,
  RUN_QUALITY_LIST,
  RUN_QUALITY_QUERY,
} from './quality.list.js';

const RUN = new IdPipe('run');
const PIPELINE = new IdOrNamePipe('pipe', 'pipeline_id');

/** What the checks of tables have found. */
@ApiTags('quality')
@Controller('api/v1')
export class QualityController {
  constructor(
    @InjectModel(QualityResult.name) private readonly results: Model<QualityResult>,
    @InjectModel(Run.name) private readonly runs: Model<Run>,
    private readonly pipelines: PipelineService,
  ) {}

  /** List what the quality checks of a run have found, those of attempts that were repeated too */
  @Get('runs/:run_id/quality')
  @Authenticated('runs:read')
  @ApiList(QualityResult)
  @ApiErrors('NOT_FOUND')
  async listRunQuality(@Param('run_id', RUN) run_id: string, @QueryOf(RUN_QUALITY_QUERY) query: ListQuery) {
    if (!(await this.runs.exists({ _id: run_id }))) throw notFound('run', run_id);
    return findPage(this.results, RUN_QUALITY_LIST, query, { run_id });
  }

  /** List what the quality checks of a pipeline have found over its runs, by its id or by its name */
  @Get('pipelines/:pipeline_id/quality')
  @Authenticated('runs:read')
  @ApiList(QualityResult)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async listPipelineQuality(
    @Param('pipeline_id', PIPELINE) ref: string,
    @QueryOf(PIPELINE_QUALITY_QUERY) query: ListQuery,
  ) {
    const { _id: pipeline_id } = await this.pipelines.resolveWithin(currentScope(), ref, undefined);
    return findPage(this.results, PIPELINE_QUALITY_LIST, query, { pipeline_id });
  }
}
