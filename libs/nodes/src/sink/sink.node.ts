import { type ErrorDetail, type NodeDefinition } from '@tauro/domain';
import { connectionTarget } from '../connections/connection-target.js';
import { kafkaSink } from '../kafka/sink.js';
import { NodeError, type NodeContext, type NodeKind, type NodeResult } from '../node-kind.js';
import { mongodbSink } from '../mongodb/sink.js';
import { mysqlSink } from '../mysql/sink.js';
import { postgresqlSink } from '../postgresql/sink.js';
import { s3Sink } from '../s3/sink.js';
import { sftpSink } from '../sftp/sink.js';
import { sqliteSink } from '../sqlite/sink.js';
import { tableInputs, tableUpstream } from '../tables/table-output.js';
import { consoleSink } from './console-sink.js';
import { fileSink } from './file-sink.js';
import { type TableSink } from './table-sink.js';

const SINKS = [
  fileSink,
  consoleSink,
  postgresqlSink,
  mysqlSink,
  mongodbSink,
  sqliteSink,
  s3Sink,
  sftpSink,
  kafkaSink,
];
const BY_TYPE = new Map(SINKS.map((sink) => [sink.type, sink]));

const sinkOf = (config: Record<string, unknown> = {}): TableSink | undefined =>
  BY_TYPE.get(String(config['destination']));

/** Takes rows out of a pipeline: to files, through a connection, or as a preview into the run's log. */
export const sinkNode: NodeKind = {
  type: 'sink',
  summary:
    'Writes the rows of one upstream node to a file (csv, json, ndjson, parquet, arrow, xlsx), to PostgreSQL, MySQL, MongoDB, SQLite, S3, SFTP or Kafka, or shows them in the log.',
  schema: { oneOf: SINKS.map(({ schema }) => schema) },
  isolated: true,
  readsTables: true,
  target: connectionTarget,

  connection(config) {
    const kind = sinkOf(config)?.connection;
    return kind === undefined ? undefined : { name: config['connection'] ?? kind, kind };
  },

  check(node: NodeDefinition, upstream: readonly NodeDefinition[]): ErrorDetail[] {
    const { ids, fault } = tableUpstream(upstream);
    if (fault) return [fault];
    if (ids.length > 1) return [{ field: 'depends_on', message: severalTables(ids), type: 'value_error' }];
    return sinkOf(node.config)?.check?.(node) ?? [];
  },

  async execute(context: NodeContext): Promise<NodeResult> {
    const tables = tableInputs(context);
    const [table] = tables;
    if (tables.length > 1) {
      const message = severalTables(tables.map(({ node_id }) => node_id));
      throw new NodeError('InvalidConfig', message, false);
    }
    return sinkOf(context.config)!.write(context, table!);
  },
};

const severalTables = (ids: readonly string[]): string =>
  `a sink takes one table, but there are ${ids.length}: ${ids.join(', ')}; combine them in a processor`;
