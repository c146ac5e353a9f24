import { Body, Controller, Delete, Get, Param, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Public, SourceMark } from '@tauro/database';
import { Authenticated } from '../auth/access.decorator.js';
import { EntityTag, IfMatch, revisionTag } from '../http/etag.js';
import { ApiData, ApiErrors, ApiInput, ApiList } from '../http/openapi/decorators.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { IdOrNamePipe } from '../http/path-params.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { SCOPE, type Scope } from '../pipelines/scope.js';
import { SET_MARK_EXAMPLE, SetMarkDto } from './mark.dto.js';
import { MARK_QUERY } from './mark.list.js';
import { MarkService } from './mark.service.js';

const REF = new IdOrNamePipe('pipe', 'pipeline_id');
const NODE = new IdOrNamePipe('task', 'node_id');
const TAG = ({ revision }: Public<SourceMark>): string => revisionTag(revision);

/** Where sources stand that read only what is new. */
@ApiTags('pipelines')
@Controller('api/v1/pipelines/:pipeline_id/marks')
export class MarksController {
  constructor(private readonly marks: MarkService) {}

  /** List where the incremental sources of a pipeline stand */
  @Get()
  @Authenticated('pipelines:read')
  @ApiList(SourceMark)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  listPipelineMarks(@Param('pipeline_id', REF) ref: string, @QueryOf(MARK_QUERY) query: ListQuery) {
    return this.marks.list(ref, query);
  }

  /** Get where an incremental source stands */
  @Get(':node_id')
  @Authenticated('pipelines:read')
  @ApiData(SourceMark)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  @EntityTag(TAG)
  getPipelineMark(
    @Param('pipeline_id', REF) pipeline: string,
    @Param('node_id', NODE) node: string,
    @QueryOf(SCOPE) { project_id }: Scope,
  ) {
    return this.marks.get({ pipeline, node, project_id });
  }

  /** Say after what the next run of an incremental source begins; runs that are under way do not move it any more */
  @Put(':node_id')
  @Authenticated('pipelines:write')
  @ApiInput(SetMarkDto, SET_MARK_EXAMPLE)
  @ApiData(SourceMark)
  @ApiErrors('NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED')
  @EntityTag(TAG)
  setPipelineMark(
    @Param('pipeline_id', REF) pipeline: string,
    @Param('node_id', NODE) node: string,
    @QueryOf(SCOPE) { project_id }: Scope,
    @Body() { value }: SetMarkDto,
    @IfMatch() expected: number | undefined,
  ) {
    return this.marks.set({ pipeline, node, project_id }, value, expected);
  }

  /** Reset where an incremental source stands: the next run reads everything, or from `initial` on */
  @Delete(':node_id')
  @Authenticated('pipelines:write')
  @ApiData(SourceMark)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  resetPipelineMark(
    @Param('pipeline_id', REF) pipeline: string,
    @Param('node_id', NODE) node: string,
    @QueryOf(SCOPE) { project_id }: Scope,
  ) {
    return this.marks.reset({ pipeline, node, project_id });
  }
}
