import { connectionName } from '../connections/schema-parts.js';

const PATH = { type: 'string', minLength: 1, maxLength: 4096 };
const MEMORY = { type: 'string', pattern: '^\\d+[kmgtKMGT]?[bB]?$', maxLength: 255 };
const scalar = { type: ['string', 'number', 'boolean'] };
const paths = (description: string): object => ({ description, type: 'array', items: PATH, maxItems: 1000 });
const count = (description: string): object => ({
  description,
  type: 'integer',
  minimum: 1,
  maximum: 100_000,
});

/** Config of a `spark` node. Templates may stand in every string. */
export const SPARK_SCHEMA = {
  type: 'object',
  required: ['file'],
  additionalProperties: false,
  properties: {
    connection: connectionName('livy'),
    file: {
      ...PATH,
      description:
        'The application: a .py or .jar where the cluster finds it, such as `s3a://jobs/rollup.py` or `hdfs:///jobs/etl.jar`.',
    },
    class_name: { description: 'The main class of a .jar.', type: 'string', minLength: 1, maxLength: 1000 },
    args: {
      description: 'The arguments of the application, one entry each.',
      type: 'array',
      items: scalar,
      maxItems: 1000,
    },
    jars: paths('More .jar files for driver and executors.'),
    py_files: paths('More Python files.'),
    files: paths('Files for the working folder of each executor.'),
    archives: paths('Archives that are unpacked there.'),
    driver_memory: { ...MEMORY, description: 'Such as `2g`.' },
    driver_cores: count('Processors of the driver.'),
    executor_memory: { ...MEMORY, description: 'Of each, such as `4g`.' },
    executor_cores: count('Processors of each executor.'),
    num_executors: count('Executors.'),
    queue: { description: 'The queue of YARN.', type: 'string', minLength: 1, maxLength: 255 },
    proxy_user: {
      description: 'As whom it runs, where Livy lets it.',
      type: 'string',
      minLength: 1,
      maxLength: 255,
    },
    conf: {
      description: 'Properties of Spark, such as `spark.sql.shuffle.partitions`. The only place for secrets.',
      type: 'object',
      additionalProperties: scalar,
      maxProperties: 500,
    },
  },
} as const;
