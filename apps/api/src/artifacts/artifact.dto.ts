import { type JsonObject } from '@tauro/domain';

/** A column of a table. */
export class TableColumn {
  name!: string;
  /** DuckDB's name of its type, such as `VARCHAR`, `BIGINT`, `DECIMAL(10,2)` or `INTEGER[]`. */
  type!: string;
}

/** A table that a task has published. */
export class Artifact {
  /** That of its task, which publishes one table at most. */
  id!: string;

  run_id!: string;

  node_id!: string;

  /** Place among the items of a mapped node; absent for a node's own table. */
  index?: number;

  /** The attempt that made it. */
  attempt!: number;

  rows!: number;

  /** Size of the Parquet file. */
  bytes!: number;

  columns!: TableColumn[];

  /** When the task ended. A rerun that has taken the table over shows when it was made. */
  created_at!: Date | null;

  /** When retention removes it, with its run; null until the run is terminal. */
  expires_at!: Date | null;

  /** Whether the file is still in the artifact store, as it was published. */
  available!: boolean;
}

/** Some rows of it. */
export class ArtifactPreview {
  limit!: number;

  offset!: number;

  /** Whether there are rows behind these. */
  has_more!: boolean;

  /** Whether values were cut because they are very long; each such ends in `…`. */
  shortened!: boolean;

  /** Numbers that JavaScript would round, NaN and infinities come as text, times as ISO 8601, nested values as JSON. */
  rows!: JsonObject[];
}

/** A table with some of its rows. */
export class ArtifactWithPreview extends Artifact {
  preview!: ArtifactPreview;
}
