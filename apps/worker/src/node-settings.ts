import { type NodeSettings } from '@tauro/nodes';
import { type Env } from '@tauro/platform';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';

/** What nodes may do on this worker, from its environment. Creates the folders that do not exist yet. */
export function nodeSettings(env: Env): NodeSettings {
  const tempDirectory = resolve(env.DATA_DIR, 'tmp', String(process.pid));
  mkdirSync(tempDirectory, { recursive: true });
  const workingDirectory = process.cwd();
  return {
    dataRoots: env.DATA_ROOTS.map((root) => {
      const path = resolve(workingDirectory, root);
      mkdirSync(path, { recursive: true });
      return path;
    }),
    workingDirectory,
    duckdb: {
      memoryLimitMb: env.DUCKDB_MEMORY_MB,
      threads: env.DUCKDB_THREADS,
      tempDirectory,
      maxTempDiskMb: env.DUCKDB_TEMP_DISK_MB,
    },
    egressAllowPrivate: env.EGRESS_ALLOW_PRIVATE,
    templateEnv: env.TEMPLATE_ENV,
    taskMemoryMb: env.TASK_MEMORY_MB,
  };
}
