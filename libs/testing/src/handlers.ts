import {
  type HandlerEnd,
  HandlerSchemas,
  HandlerTables,
  type NodeContext,
  type TaskHandlers,
} from '@tauro/nodes';
import { type Json } from '@tauro/domain';
import {
  AttemptTables,
  outputText,
  type RegisteredTask,
  registeredTasks,
  type TaskContext,
} from '@tauro/sdk';

/** A class with one `@Task`, or the name of a task whose file was imported. */
export type Handler = string | (abstract new (...args: never[]) => object);

/** The task that is meant. @throws Error naming those there are */
export function taskOf(handler: Handler): RegisteredTask {
  const all = registeredTasks();
  if (typeof handler === 'string') {
    const found = all.findLast(({ name }) => name === handler);
    if (found) return found;
    const known = [...new Set(all.map(({ name }) => name))].join(', ') || 'none';
    throw new Error(
      `there is no handler '${handler}' (there are: ${known}); import the file that declares it`,
    );
  }
  const own = all.filter(({ owner }) => owner === handler);
  if (own.length === 1) return own[0]!;
  const names = own.map(({ name }) => `'${name}'`).join(', ');
  throw new Error(
    own.length === 0
      ? `the class ${handler.name} has no @Task`
      : `the class ${handler.name} has several tasks; say which by its name: ${names}`,
  );
}

/** Runs handlers in this process, with all that a worker checks before and after. */
export const handlersHere: TaskHandlers = {
  names: () => registeredTasks().map(({ name }) => name),

  async run(name: string, input: Json, context: NodeContext, path?: string): Promise<HandlerEnd> {
    const task = taskOf(name);
    const schemas = new HandlerSchemas(task);
    schemas.assertInput(input);
    const file = path === undefined ? undefined : { path, mostMb: context.settings.duckdb.maxTempDiskMb };
    context.signal.throwIfAborted();
    const engine = new HandlerTables(context.signal, file);
    try {
      const output = JSON.parse(outputText(await task.run(contextOf(input, context, engine)))) as Json;
      const columns = engine.result;
      schemas.assertOutput(output);
      return { output, ...(columns && { columns }) };
    } finally {
      await engine.end();
    }
  },
};

function contextOf(input: Json, context: NodeContext, engine: HandlerTables): TaskContext<never> {
  const { inputs, params, run, task, artifacts, signal } = context;
  const tables = inputs.flatMap(({ node_id, table }) =>
    table
      ? [{ node_id, path: artifacts.path(table.artifact), rows: table.rows, columns: table.columns }]
      : [],
  );
  return structured({
    params,
    input: input as never,
    inputs: Object.fromEntries(inputs.map(({ node_id, output }) => [node_id, output])),
    tables: new AttemptTables(tables, () => Promise.resolve(engine)),
    run,
    attempt: task.attempt,
    log: {
      debug: (message: string) => context.log('DEBUG', String(message)),
      info: (message: string) => context.log('INFO', String(message)),
      warning: (message: string) => context.log('WARNING', String(message)),
      error: (message: string) => context.log('ERROR', String(message)),
    },
    progress: (fraction: number) => context.progress(Math.min(1, Math.max(0, Number(fraction)))),
    signal,
  });
}

/** What crosses the border of a process is a copy: a handler that changes its input changes nobody else's. */
const structured = (context: TaskContext<never>): TaskContext<never> => ({
  ...context,
  params: structuredClone(context.params),
  input: structuredClone(context.input),
  inputs: structuredClone(context.inputs),
});
