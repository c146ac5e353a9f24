import { Controller, Get, Param } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Authenticated } from '../auth/access.decorator.js';
import { EntityTag } from '../http/etag.js';
import { ApiData, ApiErrors, ApiList } from '../http/openapi/decorators.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { IdOrNamePipe, NumberPipe } from '../http/path-params.js';
import { integer, required } from '../http/query/query-field.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { queryOf, type ValuesOf } from '../http/query/query-reader.js';
import { PipelineCatalog } from './pipeline-catalog.service.js';
import { PipelineVersion, VersionDiff, VersionHead } from './pipeline.dto.js';
import { VERSION_QUERY } from './pipeline.list.js';
import { SCOPE, type Scope, SCOPE_FIELDS } from './scope.js';

const REF = new IdOrNamePipe('pipe', 'pipeline_id');
const DIFF_FIELDS = {
  ...SCOPE_FIELDS,
  from: required(integer('Number of the older version.', 1, 1_000_000_000)),
  to: required(integer('Number of the newer version.', 1, 1_000_000_000)),
};
const DIFF_QUERY = queryOf(DIFF_FIELDS);

@ApiTags('pipelines')
@Controller('api/v1/pipelines/:pipeline_id/versions')
export class VersionsController {
  constructor(private readonly catalog: PipelineCatalog) {}

  /** List a pipeline's versions, the newest first */
  @Get()
  @Authenticated('pipelines:read')
  @ApiList(VersionHead)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  listPipelineVersions(@Param('pipeline_id', REF) ref: string, @QueryOf(VERSION_QUERY) query: ListQuery) {
    return this.catalog.versions(ref, query, query.values.project_id as string | undefined);
  }

  /** Compare two versions field by field */
  @Get('diff')
  @Authenticated('pipelines:read')
  @ApiData(VersionDiff)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async comparePipelineVersions(
    @Param('pipeline_id', REF) ref: string,
    @QueryOf(DIFF_QUERY) { from, to, project_id }: ValuesOf<typeof DIFF_FIELDS>,
  ): Promise<VersionDiff> {
    return { from, to, changes: await this.catalog.diff(ref, from, to, project_id) };
  }

  /** Get a version with its definition */
  @Get(':version')
  @Authenticated('pipelines:read')
  @ApiData(PipelineVersion)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  @EntityTag(({ checksum }: PipelineVersion) => `"${checksum}"`)
  getPipelineVersion(
    @Param('pipeline_id', REF) ref: string,
    @Param('version', new NumberPipe('version')) version: number,
    @QueryOf(SCOPE) { project_id }: Scope,
  ) {
    return this.catalog.version(ref, version, project_id);
  }

  /** Compare a version with another, by path */
  @Get(':version/diff/:other')
  @Authenticated('pipelines:read')
  @ApiData(VersionDiff)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async diffPipelineVersions(
    @Param('pipeline_id', REF) ref: string,
    @Param('version', new NumberPipe('version')) from: number,
    @Param('other', new NumberPipe('other')) to: number,
    @QueryOf(SCOPE) { project_id }: Scope,
  ): Promise<VersionDiff> {
    return { from, to, changes: await this.catalog.diff(ref, from, to, project_id) };
  }
}
