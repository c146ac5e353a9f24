import { type Json, type JsonObject } from '@tauro/domain';
import { type RowsFile } from '@tauro/nodes';
import { type HandlerTable, type RunInfo } from '@tauro/sdk';

/** What crosses the border of a handler's attempt, besides functions. */
export interface HandlerCall {
  handler: string;
  params: JsonObject;
  input: Json;
  inputs: Record<string, Json>;
  run: RunInfo;
  attempt: number;
  tables: HandlerTable[];
  /** Where the rows of its table go; absent when its node makes none. */
  rows?: RowsFile;
  traceparent?: string;
}
