import {
  type CheckResult,
  type Column,
  type DatasetUse,
  type ErrorDetail,
  type Json,
  type JsonObject,
  type LogLevel,
  type NodeDefinition,
  type TableRef,
} from '@tauro/domain';
import { type ArtifactStore } from './artifacts.js';
import { type OpenConnection } from './connections/connection-kind.js';
import { type NodeSettings } from './settings.js';

export type { Column, DatasetUse, LogLevel, TableRef } from '@tauro/domain';

/** What an upstream node left behind. `table` is there for nodes that produce rows. */
export interface NodeInput {
  node_id: string;
  output: Json;
  table?: TableRef;
}

/** The run as a node sees it, also `{{ run.* }}` in templates. */
export interface RunScope {
  id: string;
  project_id: string;
  pipeline_id: string;
  pipeline_name: string;
  created_at: string;
  /** RUNNING for a main node; for `on_failure` and `finally` nodes how the main ones ended. */
  state: 'RUNNING' | 'SUCCESS' | 'FAILED' | 'CANCELLED';
  /** Why the main nodes failed, when they did; only for `on_failure` and `finally` nodes. */
  error: { type: string; message: string; node_id: string | null } | null;
  scheduled_for?: string;
  data_interval_start?: string;
  data_interval_end?: string;
}

/** Everything one attempt may touch. Nothing in it writes engine state. */
export interface NodeContext {
  run: RunScope;
  params: JsonObject;
  tags: Record<string, string>;
  task: { id: string; node_id: string; index?: number; attempt: number; claim_id: string };
  /**
   * The node's config with every template rendered; the strings a kind lists as `bound` arrive as `BoundText`.
   */
  config: Record<string, unknown>;
  /** What `NodeKind.connection` asked for. */
  connection?: OpenConnection;
  /** Where a source that reads only what is new stands; what `NodeKind.incremental` asked for. */
  mark?: SourceMark;
  /** In the order the edges were written. */
  inputs: NodeInput[];
  log(level: LogLevel, message: string): void;
  /** 0..1; shown as the task's progress, never required. */
  progress(fraction: number): void;
  /** What the attempt may take at most, in seconds; absent when it may take forever. */
  seconds?: number;
  /** Aborted on cancel, timeout and lost lease: stop work and reject soon after. */
  signal: AbortSignal;
  /** W3C trace context for whatever is asked of others; absent when the run belongs to no trace. */
  traceparent?: string;
  artifacts: ArtifactStore;
  settings: NodeSettings;
  handlers: TaskHandlers;
  commands: Commands;
  /** Makes this attempt's table of a file that it has written, where DuckDB may run. @throws NodeError as a file source does */
  adoptTable(file: TableFile): Promise<Done & { rows: number }>;
}

/** Where an incremental source stands. */
export interface SourceMark {
  by: string;
  /** What comes after it is read; null for everything, or from `initial` on. */
  value: string | null;
}

/** Runs registered `task` handlers outside the worker's own process. */
export interface TaskHandlers {
  names(): string[];
  /** Differs when the module of the handler does; undefined when it is not known. What the module imports is not in it. */
  version?(handler: string): string | undefined;
  /**
   * @param rows the file that takes the rows which the handler writes; without one it may write none
   * @throws NodeError when the handler is unknown, fails, exits its process or outgrows its memory.
   */
  run(handler: string, input: Json, context: NodeContext, rows?: string): Promise<HandlerEnd>;
}

/** What a handler has left. */
export interface HandlerEnd {
  output: Json;
  /** The columns of the rows that it has written. */
  columns?: Column[];
}

/** Runs programs outside the worker's own process. */
export interface Commands {
  /**
   * Resolves with the end of the program, once nothing that it started is left; lines that it prints go to the log.
   * @throws NodeError when it cannot be started, or the signal's reason after an abort
   */
  run(command: CommandCall, context: NodeContext): Promise<CommandEnd>;
}

/** A program to run. */
export interface CommandCall {
  /** Begins with the absolute path of the program; in a container it is what the image takes. */
  argv: string[];
  cwd: string;
  /** All of its environment. */
  env: Record<string, string>;
  /** An empty file to which it may append lines of JSON: see docs/commands.md. */
  output: string;
  /** In which container it runs; beside the worker when both are absent. */
  container?: ContainerCall;
  /** As which Job it runs. */
  job?: JobCall;
}

/** A Kubernetes Job for one program, as confined as a container. */
export interface JobCall {
  image: string;
  pull: 'missing' | 'always' | 'never';
  namespace: string;
  cpus: number;
  memory_mb: number;
  task_id: string;
  /** The file of JSON that it gets to read, for which it has these places inside. */
  input: string;
  paths: { home: string; input: string; output: string };
  /** What it may take before the cluster ends it, in seconds; absent when it may take forever. */
  seconds?: number;
}

/** A container for one program. It has no privileges, no capabilities and a root that is only to be read. */
export interface ContainerCall {
  image: string;
  pull: 'missing' | 'always' | 'never';
  /** `none`, or a network of the engine. */
  network: string;
  cpus: number;
  memory_mb: number;
  /** Its working folder, inside. */
  cwd: string;
  binds: { source: string; target: string; read_only: boolean }[];
  task_id: string;
}

/** How a program ended. */
export interface CommandEnd {
  /** null when a signal killed it. */
  exit_code: number | null;
  signal: string | null;
  /** All that it printed, when that is little. */
  stdout?: string;
  /** The last line it printed to stderr. */
  last_error?: string;
  /** The last value it handed on. */
  value?: Json;
  /** The last file it handed on as its table, from its working folder. */
  table?: { path: string; format?: string };
  /** What is wrong with what it wrote to `output`. */
  fault?: string;
  /** It was killed for this. */
  outgrown?: 'memory' | 'processes';
}

/** A file with the rows of a table. */
export interface TableFile {
  path: string;
  /** Its name, for people. */
  shown: string;
  /** As a file source has it. */
  format: string;
  /** What is known of its columns: then it is read as what `tables.write` of a handler has written. */
  columns?: Column[];
}

/** What an attempt yields that has done its work. */
export interface Done {
  /** JSON of at most 64 KB; `{rows, bytes, columns}` for a node that makes or writes a table. */
  output: Json;
  table?: TableRef;
  /** Added to the run's `rows_processed` and `bytes_processed`. */
  rows?: number;
  bytes?: number;
  /** Data outside of the run that was read or written, named as docs/lineage.md has it; at most `MAX_DATASET_USES`. */
  datasets?: DatasetUse[];
  /** Up to where an incremental source has read; absent when there was nothing new. */
  mark?: string;
  /** What checks of its rows have found. */
  quality?: CheckResult[];
  /** The rows that checks have taken out of the table, or that a source has rejected. */
  quarantine?: TableRef;
}

/** What an attempt yields. */
export type NodeResult =
  | Done
  /** Nothing that other nodes may see: what was made does not pass its checks. Another attempt would make the same. */
  | { failed: { type: string; message: string }; output: null; quality: CheckResult[]; quarantine?: TableRef }
  /** Sleep without holding a slot; the task then ends SUCCESS with `output`. */
  | { wait_until: Date; output: Json }
  /** Wait without holding a slot until a person decides, at most until `deadline`. */
  | { approval: ApprovalRequest; output: Json }
  /** Make a run of another pipeline and wait for it without holding a slot; the task ends as that run does. */
  | { sub_run: SubRunRequest; output: Json };

/** A connection that a node names. */
export interface ConnectionUse {
  /** May hold templates before there is a run. */
  name: unknown;
  kind: string;
}

/** The run that a node wants made. */
export interface SubRunRequest {
  /** An id, or a name: looked up in the project of the node's run first, then among the discovered. */
  pipeline_id: string;
  params: JsonObject;
}

/** What a person is asked. */
export interface ApprovalRequest {
  message: string;
  /** When it is too late; null for never. */
  deadline: Date | null;
}

/** What the end of a call tells about the system that was called. */
export type Verdict = 'well' | 'unwell' | 'unknown';

/** The outside system that a node's attempts call. */
export interface NodeTarget {
  /** Its name, the same for whatever shares its fate: `https://api.example.com`; undefined when there is none. */
  of(config: Record<string, unknown>, connection?: OpenConnection): string | undefined;
  /**
   * What an attempt that failed tells about it: `unwell` only what it is to blame for, `well` what it answered and is
   * not, `unknown` when it was never asked.
   */
  verdict(error: NodeError): Verdict;
}

/**
 * One kind of node: its config's JSON Schema (what the API validates with) and its executor (what the worker
 * calls). A kind is a folder of this library and one line in `registry.ts`.
 */
export interface NodeKind {
  type: string;
  /** One sentence for people, shown in OpenAPI and in errors. */
  summary: string;
  /** JSON Schema of `config`. Strings may hold templates, so formats are checked on the rendered config. */
  schema: Record<string, unknown>;
  /** Whether the string at this path of `config` is bound as SQL parameters instead of being pasted. */
  bound?(path: readonly (string | number)[]): boolean;
  /** What the schema cannot say: number of inputs, SQL that reaches outside. Paths are relative to the node. */
  check?(node: NodeDefinition, upstream: readonly NodeDefinition[]): Promise<ErrorDetail[]> | ErrorDetail[];
  execute(context: NodeContext): Promise<NodeResult>;
  /** The connection that a node with this config works through: its name, and the kind it must be of. */
  connection?(config: Record<string, unknown>): ConnectionUse | undefined;
  /** By what a node with this config reads only what is new: a column, `key`, `modified`; undefined when it reads all. */
  incremental?(config: Record<string, unknown>): string | undefined;
  /** Says whom it calls, so that a circuit breaker can stand before it. Absent for a kind that calls nobody. */
  target?: NodeTarget;
  /**
   * Whether its config may name secrets, or may at some paths of it: it hands what it is given there to somebody else, and
   * keeps and shows none of it. Default false.
   */
  secrets?: boolean | ((path: readonly (string | number)[]) => boolean);
  /** Whether the worker's default timeout applies (not to a node that sleeps). Default true. */
  timed?: boolean;
  /** Why a node of this kind cannot have a `for_each`; absent when it can. */
  unmappable?: string;
  /**
   * Whether its nodes may have a `cache`: its result is all that matters of an execution. Default false.
   */
  cacheable?: boolean;
  /** What its result depends on outside the run, such as files; absent when nothing, or nothing that can be told. */
  pins?: {
    /** Whether a node with this config has any. */
    has(config: Record<string, unknown>): boolean;
    /** JSON that differs when they do. It is read where `execute` would run. */
    read(context: NodeContext): Promise<Json>;
  };
  /**
   * Whether the worker executes it in a process of its own, which may die of it. The context that `execute` gets
   * there has crossed a border: its `handlers` run nothing, and the result must be JSON.
   */
  isolated?: boolean;
  /** Whether it reads the tables of the nodes before it, or hands them to somebody who may. Default false. */
  readsTables?: boolean;
}

/** Whether a node of this kind may be given a secret at this path of its config. */
export const mayHaveSecret = ({ secrets = false }: NodeKind, path: readonly (string | number)[]): boolean =>
  typeof secrets === 'function' ? secrets(path) : secrets;

/** Why a kind whose nodes make a table is not mapped. */
export const MAKES_TABLE =
  'it makes one table; read several files with `paths`, or map a task, http or sink node';

/**
 * A failure with a message a person can act on. `retryable: false` ends the task at once: repeating a
 * missing column or a bad path only costs time.
 */
export class NodeError extends Error {
  constructor(
    readonly type: string,
    message: string,
    readonly retryable = true,
  ) {
    super(message);
    this.name = type;
  }
}
