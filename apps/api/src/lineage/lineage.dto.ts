import { ApiProperty } from '@nestjs/swagger';
import { DatasetColumn } from '@tauro/database';

/** Data outside of the run that was read or written. */
export class LineageDataset {
  /** Of its record under `/datasets`, which is there once the run has ended. */
  id!: string;

  /** Where it lies: `file`, `https://api.example.com`, … */
  namespace!: string;

  /** Its name there: the absolute path of a file, folder or glob, the path of a URL. */
  name!: string;

  @ApiProperty({ type: [DatasetColumn], nullable: true })
  columns!: DatasetColumn[] | null;

  /** Null where nobody has counted. */
  rows!: number | null;

  bytes!: number | null;
}

/** A node that has to do with data; the items of a mapped one are told together. */
export class LineageNode {
  node_id!: string;

  type!: string;

  /** Nodes whose tables it has read. */
  tables!: string[];

  /** What it has read outside of the run. */
  inputs!: LineageDataset[];

  /** What it has written outside of the run. */
  outputs!: LineageDataset[];

  /** From tables and from outside. */
  rows_in!: number;

  bytes_in!: number;

  /** Into its own table and to outside. */
  rows_out!: number;

  bytes_out!: number;
}

/** What a run has read and written. */
export class RunLineageView {
  run_id!: string;

  /** Everything that its nodes have read, each dataset once. */
  inputs!: LineageDataset[];

  /** Everything that its nodes have written, each dataset once. */
  outputs!: LineageDataset[];

  /** In the order of the graph. */
  nodes!: LineageNode[];

  /** Whether there is more: 1,000 uses of datasets are told, and 2 MB of their columns. */
  truncated!: boolean;
}
