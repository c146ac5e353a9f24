import { Controller, Get, Param } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { datasetId, type DatasetUse } from '@tauro/domain';
import { joinUses, RunLineage, RunService } from '@tauro/orchestration';
import { Authenticated } from '../auth/access.decorator.js';
import { ApiData, ApiErrors } from '../http/openapi/decorators.js';
import { IdPipe } from '../http/path-params.js';
import { type LineageDataset, RunLineageView } from './lineage.dto.js';
import './lineage.examples.js';

@ApiTags('runs')
@Controller('api/v1/runs/:run_id/lineage')
export class RunLineageController {
  constructor(
    private readonly runs: RunService,
    private readonly lineage: RunLineage,
  ) {}

  /** Get what a run has read and written, node by node, as far as it has come */
  @Get()
  @Authenticated('runs:read')
  @ApiData(RunLineageView)
  @ApiErrors('NOT_FOUND')
  async getRunLineage(@Param('run_id', new IdPipe('run')) run_id: string): Promise<RunLineageView> {
    const run = await this.runs.get(run_id);
    const { nodes, truncated } = await this.lineage.of(run);
    const show = (uses: readonly DatasetUse[], access: DatasetUse['access']): LineageDataset[] =>
      joinUses(uses.filter((use) => use.access === access)).map((use) => shown(run.project_id, use));
    const all = nodes.flatMap(({ datasets }) => datasets);
    return {
      run_id,
      inputs: show(all, 'read'),
      outputs: show(all, 'write'),
      nodes: nodes.map(({ node_id, type, tables, datasets, metrics }) => ({
        node_id,
        type,
        tables,
        inputs: show(datasets, 'read'),
        outputs: show(datasets, 'write'),
        ...metrics,
      })),
      truncated,
    };
  }
}

const shown = (projectId: string, { namespace, name, columns, rows, bytes }: DatasetUse): LineageDataset => ({
  id: datasetId(projectId, namespace, name),
  namespace,
  name,
  columns: columns ?? null,
  rows: rows ?? null,
  bytes: bytes ?? null,
});
