import { connectionTarget } from '../connections/connection-target.js';
import { type NodeContext, type NodeKind, type NodeResult } from '../node-kind.js';
import { SPARK_SCHEMA } from './spark.schema.js';

/** Runs an application on a Spark cluster, where the data is. */
export const sparkNode: NodeKind = {
  type: 'spark',
  summary: 'Runs a Spark application as a batch of Apache Livy, and waits for its end.',
  schema: SPARK_SCHEMA,
  target: connectionTarget,
  connection: ({ connection }) => ({ name: connection ?? 'livy', kind: 'livy' }),
  // Arguments are in the log of the cluster; properties whose names look like it are kept out of that.
  secrets: ([key]) => key === 'conf',

  async execute(context: NodeContext): Promise<NodeResult> {
    // The HTTP client is loaded by those who need it.
    const { runBatch } = await import('./run-batch.js');
    return runBatch(context);
  },
};
