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
}
