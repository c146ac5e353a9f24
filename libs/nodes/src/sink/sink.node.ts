import { type ErrorDetail, type NodeDefinition } from '@tauro/domain';
import { NodeError, type NodeContext, type NodeKind, type NodeResult } from '../node-kind.js';
import { formatOf } from '../tables/file-format.js';
import { tableInputs, tableUpstream } from '../tables/table-output.js';
import { showRows } from './console-sink.js';
import { folderMessage, writeFiles, writesFolder } from './file-sink.js';
import { SINK_SCHEMA } from './sink.schema.js';

/** Takes rows out of a pipeline: to files under DATA_ROOTS, or as a preview into the run's log. */
export const sinkNode: NodeKind = {
  type: 'sink',
  summary:
    'Writes the rows of one upstream node to a file (csv, json, ndjson, parquet) or shows them in the log.',
  schema: SINK_SCHEMA,
  isolated: true,

  check(node: NodeDefinition, upstream: readonly NodeDefinition[]): ErrorDetail[] {
    const { ids, fault } = tableUpstream(upstream);
    if (fault) return [fault];
    if (ids.length > 1) return [{ field: 'depends_on', message: severalTables(ids), type: 'value_error' }];
    const { destination, path, write_mode, partition_by } = node.config ?? {};
    const isFolder = writesFolder(String(path), write_mode, partition_by as string[] | undefined);
    if (destination === 'file' && isFolder && formatOf(String(path)).format) {
      return [{ field: 'config.path', message: folderMessage(String(path)), type: 'value_error' }];
    }
    return [];
  },

  async execute(context: NodeContext): Promise<NodeResult> {
    const tables = tableInputs(context);
    const [table] = tables;
    if (tables.length > 1) {
      const message = severalTables(tables.map(({ node_id }) => node_id));
      throw new NodeError('InvalidConfig', message, false);
    }
    return context.config['destination'] === 'console'
      ? showRows(context, table!)
      : writeFiles(context, table!);
  },
};

const severalTables = (ids: readonly string[]): string =>
  `a sink takes one table, but there are ${ids.length}: ${ids.join(', ')}; combine them in a processor`;
