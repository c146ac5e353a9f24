import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { invalid, isId } from '@tauro/domain';
import { type Response } from 'express';
import { Authenticated } from '../auth/access.decorator.js';
import { Bare } from '../http/envelope.js';
import { EntityTag, IfMatch, revisionTag } from '../http/etag.js';
import { ApiData, ApiErrors, ApiInput, ApiList } from '../http/openapi/decorators.js';
import { Deleted } from '../http/openapi/envelope.dto.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { IdOrNamePipe } from '../http/path-params.js';
import { oneOf, withDefault } from '../http/query/query-field.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { queryOf, type ValuesOf } from '../http/query/query-reader.js';
import { RequestId } from '../http/request-id.js';
import { dagOf } from './dag/dag.js';
import { toDot, toMermaid } from './dag/render.js';
import { DefinitionCheck } from './definition-check.service.js';
import { PipelineCatalog } from './pipeline-catalog.service.js';
import {
  AcceptedPipeline,
  CreatePipelineDto,
  DagDto,
  DefinitionDto,
  Pipeline,
  PipelineDetail,
  UpdatePipelineDto,
  ValidationReport,
} from './pipeline.dto.js';
import { DEFINITION_EXAMPLE } from './pipeline.examples.js';
import { PIPELINE_QUERY } from './pipeline.list.js';
import { SCOPE, type Scope, SCOPE_FIELDS } from './scope.js';

const REF = new IdOrNamePipe('pipe', 'pipeline_id');
const TAG = ({ version }: { version: number }): string => revisionTag(version);
const DAG_FIELDS = {
  ...SCOPE_FIELDS,
  format: withDefault(oneOf('`mermaid` and `dot` answer plain text.', ['json', 'mermaid', 'dot']), 'json'),
};
const DAG_QUERY = queryOf(DAG_FIELDS);
const DAG_TEXTS = { 'text/plain': 'flowchart LR\n  flights --> late\n' };

@ApiTags('pipelines')
@Controller('api/v1/pipelines')
export class PipelinesController {
  constructor(
    private readonly catalog: PipelineCatalog,
    private readonly check: DefinitionCheck,
  ) {}

  /** List pipelines, stored and discovered, without their definitions */
  @Get()
  @Authenticated('pipelines:read')
  @ApiList(Pipeline)
  listPipelines(@QueryOf(PIPELINE_QUERY) query: ListQuery) {
    return this.catalog.list(query);
  }

  /** Create a pipeline */
  @Post()
  @Authenticated('pipelines:write')
  @ApiInput(CreatePipelineDto, DEFINITION_EXAMPLE)
  @ApiData(AcceptedPipeline, 201)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  createPipeline(@Body() body: Record<string, unknown> | undefined, @RequestId() requestId: string) {
    const { project_id = null, ...definition } = body ?? {};
    if (project_id !== null && !(typeof project_id === 'string' && isId('proj', project_id))) {
      const message = 'must be an id such as proj_abc123, or null';
      throw invalid([{ field: 'project_id', message, type: 'value_error' }]);
    }
    return this.catalog.create(definition, project_id, requestId);
  }

  /** Check a definition without storing it; answers 200 also when it is not valid */
  @Post('validate')
  @Authenticated('pipelines:write')
  @HttpCode(200)
  @ApiInput(DefinitionDto, DEFINITION_EXAMPLE)
  @ApiData(ValidationReport)
  validatePipeline(@Body() body: Record<string, unknown> | undefined) {
    // A client may check exactly what it is going to create.
    const { project_id, ...definition } = body ?? {};
    return this.check.report(definition, typeof project_id === 'string' ? project_id : null);
  }

  /** Get a pipeline with its current definition, by id or by name */
  @Get(':pipeline_id')
  @Authenticated('pipelines:read')
  @ApiData(PipelineDetail)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  @EntityTag(TAG)
  getPipeline(@Param('pipeline_id', REF) ref: string, @QueryOf(SCOPE) { project_id }: Scope) {
    return this.catalog.get(ref, project_id);
  }

  /** Change a pipeline, which makes a new version; absent fields stay as they are */
  @Put(':pipeline_id')
  @Authenticated('pipelines:write')
  @ApiInput(UpdatePipelineDto, { description: 'What it is for by now' })
  @ApiData(AcceptedPipeline)
  @ApiErrors('NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED')
  @EntityTag(TAG)
  updatePipeline(
    @Param('pipeline_id', REF) ref: string,
    @QueryOf(SCOPE) { project_id: projectId }: Scope,
    @Body() body: Record<string, unknown> | undefined,
    @IfMatch() expected: number | undefined,
    @RequestId() request_id: string,
  ) {
    return this.catalog.update(ref, body ?? {}, { projectId, expected, request_id });
  }

  /** Delete a stored pipeline; its versions stay, because runs are pinned to them */
  @Delete(':pipeline_id')
  @Authenticated('pipelines:write')
  @ApiData(Deleted)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async deletePipeline(
    @Param('pipeline_id', REF) ref: string,
    @QueryOf(SCOPE) { project_id }: Scope,
  ): Promise<Deleted> {
    return { id: await this.catalog.remove(ref, project_id), deleted: true };
  }

  /** Get a pipeline's graph as JSON, or drawn as Mermaid or DOT */
  @Get(':pipeline_id/dag')
  @Authenticated('pipelines:read')
  @ApiData(DagDto, 200, { description: 'The graph', texts: DAG_TEXTS })
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async getPipelineDag(
    @Param('pipeline_id', REF) ref: string,
    @QueryOf(DAG_QUERY) { project_id, format }: ValuesOf<typeof DAG_FIELDS>,
    @Res({ passthrough: true }) res: Response,
  ) {
    const pipeline = await this.catalog.get(ref, project_id);
    const dag = dagOf(pipeline);
    if (format === 'json') return dag;
    res.type('text/plain');
    return new Bare(format === 'dot' ? toDot(dag, pipeline.name) : toMermaid(dag));
  }
}
