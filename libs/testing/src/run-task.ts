import { type Json, type JsonObject } from '@tauro/domain';
import { type NodeContext, type NodeInput } from '@tauro/nodes';
import { type RunInfo } from '@tauro/sdk';
import { type Handler, handlersHere, taskOf } from './handlers.js';
import { attemptOf, type LogLine, runOf, type Table, type TableGiven, Workbench } from './workbench.js';

export interface RunTaskOptions {
  params?: JsonObject;
  /** As the node's `config.input` has it, once its templates are rendered. */
  input?: Json;
  /** What the nodes directly before have returned. */
  inputs?: Record<string, Json>;
  /** The tables of the nodes directly before. */
  tables?: Record<string, TableGiven>;
  run?: Partial<RunInfo>;
  /** 1 when absent. */
  attempt?: number;
  /** Aborts the handler, as a cancel does. */
  signal?: AbortSignal;
}

/** What a handler that ended well has left. */
export interface TaskRun {
  output: Json;
  /** What it wrote with `tables.write`. */
  table?: Table;
  logs: LogLine[];
  /** Every fraction it told, 0..1. */
  progress: number[];
}

/**
 * Runs one handler in this process, with the checks of a worker: its input and output against their schemas, what it returns
 * against what can be kept, and its table. What it logs by `console.log` is not in `logs`.
 * @param handler the name of a task, or a class with one `@Task`
 * @throws what the handler throws, or what is wrong with its input, its output or its rows
 */
export function runTask(handler: Handler, options: RunTaskOptions = {}): Promise<TaskRun> {
  const { name } = taskOf(handler);
  return Workbench.with(async (bench) => {
    const {
      params = {},
      input = {},
      inputs = {},
      tables = {},
      attempt,
      signal = new AbortController().signal,
    } = options;
    const run = runOf(options.run);
    const before: NodeInput[] = Object.entries(inputs).map(([node_id, output]) => ({ node_id, output }));
    for (const [node_id, given] of Object.entries(tables)) {
      const table = await bench.make(node_id, given, { run, signal });
      const found = before.find((one) => one.node_id === node_id);
      if (found) found.table = table;
      else before.push({ node_id, output: { rows: table.rows, bytes: table.bytes }, table });
    }
    const logs: LogLine[] = [];
    const progress: number[] = [];
    const context = bench.context({
      run,
      task: attemptOf(name, attempt),
      params,
      inputs: before,
      signal,
      log: (level, message) => void logs.push({ level, message }),
      progress: (fraction) => void progress.push(fraction),
    });
    return { ...(await resultOf(name, input, context, bench)), logs, progress };
  });
}

async function resultOf(
  name: string,
  input: Json,
  context: NodeContext,
  bench: Workbench,
): Promise<Pick<TaskRun, 'output' | 'table'>> {
  const path = await bench.scratchFile();
  const { output, columns } = await handlersHere.run(name, input, context, path);
  context.signal.throwIfAborted();
  if (!columns) return { output };
  const shown = `the rows of '${name}'`;
  const { table } = await context.adoptTable({ path, shown, format: 'ndjson', columns });
  return { output, table: await bench.read(table!) };
}
