/** A column of a table; `type` is DuckDB's name of it: `VARCHAR`, `BIGINT`, `TIMESTAMP`, ... */
export interface Column {
  name: string;
  type: string;
}

/** A published table: one Parquet file in the artifact store, written under the claim that made it. */
export interface TableRef {
  /** Key in the artifact store, such as `runs/run_1/clean/4f1c….parquet`. */
  artifact: string;
  rows: number;
  bytes: number;
  columns: Column[];
}
