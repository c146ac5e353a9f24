/** The limits and permissions of nodes on this worker, read once from the environment. */
export interface NodeSettings {
  /** Directories that file sources and sinks may touch; absolute paths, resolved. */
  dataRoots: string[];
  /** Where relative paths start; one of `dataRoots`. */
  workingDirectory: string;
  /** DuckDB's bounds, per node execution. */
  duckdb: { memoryLimitMb: number; threads: number; tempDirectory: string; maxTempDiskMb: number };
  /** Whether calls to private and loopback addresses are allowed. Cloud metadata addresses never are. */
  egressAllowPrivate: boolean;
  /** Environment variables that `{{ env.X }}` may name. */
  templateEnv: string[];
  /** Bound of a handler process's heap, in MB. */
  taskMemoryMb: number;
  commands: CommandSettings;
  containers: ContainerSettings;
  kubernetes: KubernetesSettings;
}

/** Which containers `command` nodes may run, and what each may have at most. */
export interface ContainerSettings {
  enabled: boolean;
  /** Names of images, or patterns. */
  images: string[];
  /** Networks that they may join. */
  networks: string[];
  memoryMb: number;
  cpus: number;
}

/** Whether `command` nodes may run as Jobs, and where. What each may have is as for containers. */
export interface KubernetesSettings {
  enabled: boolean;
  /** The first is that of nodes which say none. */
  namespaces: string[];
}

/** Which programs `command` nodes may run, and what each may cost with all that it starts. */
export interface CommandSettings {
  enabled: boolean;
  /** Names of programs, absolute paths, or patterns of either. */
  allowed: string[];
  /** Resident memory. */
  memoryMb: number;
  processes: number;
  /** Of each file that it writes. */
  fileMb: number;
  /** Of each process. */
  openFiles: number;
}
