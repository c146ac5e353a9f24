import { type NodeSettings } from '@tauro/nodes';
import { type Env } from '@tauro/platform';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { join, resolve } from 'node:path';

/** What nodes may do on this worker, from its environment. Creates the folders that do not exist yet. */
export function nodeSettings(env: Env): NodeSettings {
  const tempDirectory = scratchDirectory(resolve(env.DATA_DIR, 'tmp'));
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
    commands: {
      enabled: env.COMMANDS_ENABLED,
      allowed: env.COMMANDS_ALLOWED,
      memoryMb: env.COMMAND_MEMORY_MB,
      processes: env.COMMAND_PROCESSES,
      fileMb: env.COMMAND_FILE_MB,
      openFiles: env.COMMAND_OPEN_FILES,
    },
    containers: {
      enabled: env.CONTAINERS_ENABLED,
      images: env.CONTAINER_IMAGES,
      networks: env.CONTAINER_NETWORKS,
      memoryMb: env.CONTAINER_MEMORY_MB,
      cpus: env.CONTAINER_CPUS,
    },
    kubernetes: { enabled: env.KUBERNETES_ENABLED, namespaces: env.KUBERNETES_NAMESPACES },
  };
}

/** How many nodes work on tables at once: beyond the cores more would only need more memory. */
export const tableProcesses = (env: Env): number =>
  Math.min(
    env.WORKER_CONCURRENCY,
    env.TABLE_PROCESSES ?? Math.max(2, Math.floor(availableParallelism() / env.DUCKDB_THREADS)),
  );

/**
 * This worker's own folder for scratch files. What workers of this host left that were killed is cleared away;
 * the name has the host in it, because several containers may share the folder and have the same process ids.
 */
function scratchDirectory(parent: string): string {
  mkdirSync(parent, { recursive: true });
  const mine = `${hostname()}-`;
  for (const name of readdirSync(parent)) {
    const pid = name.startsWith(mine) ? Number(name.slice(mine.length)) : NaN;
    if (Number.isInteger(pid) && (pid === process.pid || !isAlive(pid))) {
      rmSync(join(parent, name), { recursive: true, force: true });
    }
  }
  const directory = join(parent, mine + process.pid);
  mkdirSync(directory);
  return directory;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
