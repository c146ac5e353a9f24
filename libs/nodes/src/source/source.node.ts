import { type ErrorDetail, type NodeDefinition } from '@tauro/domain';
import { connectionTarget } from '../connections/connection-target.js';
import { kafkaSource } from '../kafka/source.js';
import { MAKES_TABLE, type NodeContext, type NodeKind, type NodeResult } from '../node-kind.js';
import { mongodbSource } from '../mongodb/source.js';
import { mysqlSource } from '../mysql/source.js';
import { postgresqlSource } from '../postgresql/source.js';
import { restSource } from '../rest/source.js';
import { s3Source } from '../s3/source.js';
import { sftpSource } from '../sftp/source.js';
import { sqliteSource } from '../sqlite/source.js';
import { fileSource } from './file-source.js';
import { incrementalBy, incrementalFaults } from './incremental.js';
import { inlineSource } from './inline-source.js';
import { type TableSource } from './table-source.js';

const SOURCES = [
  fileSource,
  inlineSource,
  postgresqlSource,
  mysqlSource,
  mongodbSource,
  sqliteSource,
  s3Source,
  sftpSource,
  kafkaSource,
  restSource,
];
const BY_TYPE = new Map(SOURCES.map((source) => [source.type, source]));

const sourceOf = (config: Record<string, unknown> = {}): TableSource | undefined =>
  BY_TYPE.get(String(config['source_type']));

/** Brings rows into a pipeline: from files, from the config itself, or through a connection. */
export const sourceNode: NodeKind = {
  type: 'source',
  cacheable: true,
  unmappable: MAKES_TABLE,
  summary:
    'Reads rows from files (csv, json, ndjson, parquet, arrow, xlsx), from PostgreSQL, MySQL, MongoDB, SQLite, S3, SFTP, Kafka, HTTP services, or from the config itself.',
  schema: { oneOf: SOURCES.map(({ schema }) => schema) },
  isolated: true,
  target: connectionTarget,
  pins: {
    has: (config) => sourceOf(config)?.pins !== undefined,
    read: (context) => sourceOf(context.config)!.pins!(context),
  },

  connection(config) {
    const kind = sourceOf(config)?.connection;
    return kind === undefined ? undefined : { name: config['connection'] ?? kind, kind };
  },

  /** The question to a database; values never become part of its text, or operators. */
  bound: ([key, ...rest]) => (key === 'query' && rest.length === 0) || key === 'filter' || key === 'pipeline',

  incremental: incrementalBy,

  check: (node: NodeDefinition): ErrorDetail[] => [
    ...(sourceOf(node.config)?.check?.(node) ?? []),
    ...incrementalFaults(node),
  ],

  execute: (context: NodeContext): Promise<NodeResult> => sourceOf(context.config)!.read(context),
};
