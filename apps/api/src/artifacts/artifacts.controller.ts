import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Request, type Response } from 'express';
import { Authenticated } from '../auth/access.decorator.js';
import { leaving } from '../http/leaving.js';
import { ApiData, ApiErrors, ApiFile, ApiList } from '../http/openapi/decorators.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { IdOrNamePipe, IdPipe } from '../http/path-params.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { ArtifactCatalog } from './artifact-catalog.service.js';
import { ArtifactDownloads } from './artifact-downloads.service.js';
import { Artifact, ArtifactWithPreview } from './artifact.dto.js';
import { CSV_EXAMPLE, NDJSON_EXAMPLE } from './artifact.examples.js';
import {
  ARTIFACT_QUERY,
  DOWNLOAD_QUERY,
  type DownloadFormat,
  type Part,
  PREVIEW_QUERY,
} from './artifact.list.js';
import { TableReader } from './reading/table-reader.js';

const RUN = new IdPipe('run');
const NODE = new IdOrNamePipe('task', 'node_id');

/** Which table of a node is meant. */
interface Which {
  index?: number;
  part: Part;
}

/** The tables that nodes hand on to each other. */
@ApiTags('runs')
@Controller('api/v1/runs/:run_id/artifacts')
export class ArtifactsController {
  constructor(
    private readonly catalog: ArtifactCatalog,
    private readonly reader: TableReader,
    private readonly downloads: ArtifactDownloads,
  ) {}

  /** List the tables that a run's tasks have published, by their nodes */
  @Get()
  @Authenticated('runs:read')
  @ApiList(Artifact)
  @ApiErrors('NOT_FOUND')
  listRunArtifacts(@Param('run_id', RUN) runId: string, @QueryOf(ARTIFACT_QUERY) query: ListQuery) {
    return this.catalog.list(runId, query);
  }

  /** Get a table with some of its rows, by the id of its node or of its task */
  @Get(':node_id')
  @Authenticated('runs:read')
  @ApiData(ArtifactWithPreview)
  @ApiErrors('NOT_FOUND')
  async getRunArtifact(
    @Param('run_id', RUN) runId: string,
    @Param('node_id', NODE) node: string,
    @QueryOf(PREVIEW_QUERY) { limit, offset, ...which }: Which & { limit: number; offset: number },
    @Res({ passthrough: true }) res: Response,
  ): Promise<ArtifactWithPreview> {
    const { artifact, path } = await this.catalog.find(runId, node, which);
    const nothing = { rows: [], shortened: false };
    const { rows, shortened } =
      limit > 0 && offset < artifact.rows
        ? await this.reader.page(path, { limit, offset }, leaving(res))
        : nothing;
    const has_more = offset + rows.length < artifact.rows;
    return { ...artifact, preview: { limit, offset, has_more, shortened, rows } };
  }

  /** Download a whole table, as it is stored or as text */
  @Get(':node_id/download')
  @Authenticated('runs:read')
  @ApiFile('The table', {
    'text/csv': CSV_EXAMPLE,
    'application/x-ndjson': NDJSON_EXAMPLE,
    'application/vnd.apache.parquet': null,
  })
  @ApiErrors('NOT_FOUND')
  async downloadRunArtifact(
    @Param('run_id', RUN) runId: string,
    @Param('node_id', NODE) node: string,
    @QueryOf(DOWNLOAD_QUERY) { format, ...which }: Which & { format: DownloadFormat },
    @Req() req: Request,
    @Res() res: Response,
  ): Promise<void> {
    const table = await this.catalog.find(runId, node, which);
    await this.downloads.send(table, format, res, req.method === 'HEAD');
  }
}
