import { Injectable } from '@nestjs/common';
import { type Dataset, type DatasetRunUse, type Run } from '@tauro/database';
import { datasetId, type DatasetUse } from '@tauro/domain';
import { type mongo } from 'mongoose';
import { Collections } from '../collections.js';
import { joinUses, type NodeFlow, RunLineage } from './run-lineage.js';

/**
 * Keeps the record of each dataset up with the runs that use it. What a task has used is stored with its end, so a run
 * that has ended knows all of it; this is one of the things that follow its end, and may be repeated. Whichever of two
 * runs is told later, the later use stands.
 */
@Injectable()
export class DatasetRecorder {
  constructor(
    private readonly db: Collections,
    private readonly lineage: RunLineage,
  ) {}

  /** Asks for nothing when the run has used none. */
  async record(run: Run): Promise<void> {
    if (!run.engine.datasets) return;
    const { nodes } = await this.lineage.of(run);
    const writes = nodes.flatMap((node) => joinUses(node.datasets).map((use) => recording(run, node, use)));
    if (writes.length > 0) await this.db.datasets.bulkWrite(writes);
  }
}

/** One after the other, since a run may read what it has written. */
function recording(
  { _id: run_id, project_id, pipeline_id, pipeline_name, ...run }: Run,
  { node_id, finished_at }: NodeFlow,
  { access, namespace, name, columns, rows, bytes }: DatasetUse,
): mongo.AnyBulkWriteOperation<Dataset> {
  const at = finished_at ?? run.finished_at!;
  const use: DatasetRunUse = {
    run_id,
    node_id,
    pipeline_id,
    pipeline_name,
    at,
    rows: rows ?? null,
    bytes: bytes ?? null,
  };
  const field = access === 'read' ? 'last_read' : 'last_written';
  const other = access === 'read' ? 'last_written' : 'last_read';
  const isLatest = (before: string) => ({ $gte: [at, { $ifNull: [before, new Date(0)] }] });
  const set = {
    project_id,
    namespace: { $literal: namespace },
    name: { $literal: name },
    [field]: { $cond: [isLatest(`$${field}.at`), { $literal: use }, `$${field}`] },
    [other]: { $ifNull: [`$${other}`, null] },
    columns: columns
      ? { $cond: [isLatest('$engine.columns_at'), { $literal: columns }, '$columns'] }
      : { $ifNull: ['$columns', null] },
    ...(columns && { 'engine.columns_at': { $max: ['$engine.columns_at', at] } }),
    created_at: { $ifNull: ['$created_at', '$$NOW'] },
    updated_at: { $max: ['$updated_at', at] },
    expires_at: { $max: ['$expires_at', run.expires_at] },
  };
  const _id = datasetId(project_id, namespace, name);
  return { updateOne: { filter: { _id }, update: [{ $set: set }], upsert: true } };
}
