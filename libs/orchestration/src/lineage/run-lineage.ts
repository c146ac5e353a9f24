import { Injectable } from '@nestjs/common';
import { type Run, type Task, type TaskMetrics } from '@tauro/database';
import { columnSize, type DatasetUse, type TableRef } from '@tauro/domain';
import { NODE_KINDS } from '@tauro/nodes';
import { Collections } from '../collections.js';
import { PinnedVersions } from '../pinned-versions.js';

/** What a node of a run has read and written; the items of a mapped one together. */
export interface NodeFlow {
  node_id: string;
  type: string;
  /** When it, or the last of its items, ended; null while it has not. */
  finished_at: Date | null;
  /** Nodes whose tables it reads. */
  tables: string[];
  /** The table that it has made. */
  table: TableRef | null;
  datasets: DatasetUse[];
  metrics: Pick<TaskMetrics, 'rows_in' | 'bytes_in' | 'rows_out' | 'bytes_out'>;
}

export interface Lineage {
  /** Those that have anything to do with data, in the order of the graph. */
  nodes: NodeFlow[];
  /** There were more uses of datasets, or columns of them, than can be told. */
  truncated: boolean;
}

/** Uses of datasets that one answer tells of, and characters of their columns. */
const MAX_USES = 1000;
const COLUMN_BUDGET = 2_000_000;

const FLOWS = ['rows_in', 'bytes_in', 'rows_out', 'bytes_out'] as const;

/** What the nodes of a run have read and written, as their tasks say. */
@Injectable()
export class RunLineage {
  constructor(
    private readonly db: Collections,
    private readonly versions: PinnedVersions,
  ) {}

  async of(run: Run): Promise<Lineage> {
    const { graph } = await this.versions.get(run.engine.version_id);
    const found = this.db.tasks
      .find({
        run_id: run._id,
        $or: [{ 'engine.artifact': { $ne: null } }, { 'engine.datasets': { $exists: true } }, HAS_FLOW],
      })
      .sort({ _id: 1 })
      .project<Found>({
        node_id: 1,
        type: 1,
        finished_at: 1,
        metrics: 1,
        'engine.artifact': 1,
        'engine.datasets': 1,
      });
    const nodes = new Map<string, NodeFlow>();
    let left = MAX_USES;
    let columnsLeft = COLUMN_BUDGET;
    let truncated = false;
    const bounded = (use: DatasetUse): DatasetUse => {
      columnsLeft -= columnSize(use.columns);
      if (columnsLeft >= 0) return use;
      truncated ||= use.columns !== undefined;
      const { columns: _, ...rest } = use;
      return rest;
    };
    for await (const task of found) {
      const { artifact, datasets = [] } = task.engine;
      const node = nodes.get(task.node_id) ?? flowOf(task);
      nodes.set(task.node_id, node);
      truncated ||= datasets.length > left;
      node.datasets.push(...datasets.slice(0, left).map(bounded));
      left = Math.max(0, left - datasets.length);
      node.table ??= artifact ?? null;
      node.finished_at = later(node.finished_at, task.finished_at);
      for (const what of FLOWS) node.metrics[what] += task.metrics?.[what] ?? 0;
    }
    for (const node of nodes.values()) {
      if (!NODE_KINDS.get(node.type)?.readsTables) continue;
      const { parents } = graph.nodes.get(node.node_id)!;
      node.tables = parents.filter((id) => nodes.get(id)?.table);
    }
    return { nodes: [...nodes.values()], truncated };
  }
}

type Found = Pick<Task, 'node_id' | 'type' | 'finished_at' | 'metrics'> & {
  engine: Pick<Task['engine'], 'artifact' | 'datasets'>;
};

const HAS_FLOW = { $or: FLOWS.map((what) => ({ [`metrics.${what}`]: { $gt: 0 } })) };

const flowOf = ({ node_id, type }: Found): NodeFlow => ({
  node_id,
  type,
  finished_at: null,
  tables: [],
  table: null,
  datasets: [],
  metrics: { rows_in: 0, bytes_in: 0, rows_out: 0, bytes_out: 0 },
});

const later = (one: Date | null, two: Date | null): Date | null =>
  one && two ? (one > two ? one : two) : (one ?? two);

/** Uses of the same dataset as one: its rows and bytes are added up, as far as all of them are known. */
export function joinUses(uses: readonly DatasetUse[]): DatasetUse[] {
  const joined = new Map<string, DatasetUse>();
  for (const use of uses) {
    const key = JSON.stringify([use.access, use.namespace, use.name]);
    const before = joined.get(key);
    joined.set(key, before ? added(before, use) : use);
  }
  return [...joined.values()];
}

function added(one: DatasetUse, two: DatasetUse): DatasetUse {
  const { rows: _r, bytes: _b, ...rest } = { ...one, columns: two.columns ?? one.columns };
  const rows = plus(one.rows, two.rows);
  const bytes = plus(one.bytes, two.bytes);
  return { ...rest, ...(rows !== undefined && { rows }), ...(bytes !== undefined && { bytes }) };
}

const plus = (one: number | undefined, two: number | undefined): number | undefined =>
  one === undefined || two === undefined ? undefined : one + two;
