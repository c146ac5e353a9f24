import { type Json, type JsonObject } from '@tauro/domain';
import { type RowsFile } from '@tauro/nodes';
import { type HandlerTable, type RunInfo } from '@tauro/sdk';

/** What a handler process loads. */
export interface HandlerSettings {
  /** Absolute paths of the handler modules. */
  files: string[];
  /** What `@tauro/sdk` is inside them. */
  sdk: string;
  /** Where transpiled TypeScript is kept. */
  cacheDirectory: string;
}

/** A handler that was found in a module. */
export interface LoadedHandler {
  name: string;
  file: string;
  description?: string;
  input?: Record<string, unknown>;
  output?: Record<string, unknown>;
}

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
