// jiti emits design-time metadata beside every decorator and breaks the decorators where nothing takes it.
import 'reflect-metadata';
import { type HandlerTables } from '@tauro/nodes';
import { AttemptTables, type RegisteredTask, type TaskContext } from '@tauro/sdk';
import { type CallContext, serve } from '@tauro/processes';
import { loadHandlerModules } from './handler-modules.js';
import { type HandlerCall, type HandlerSettings, type LoadedHandler } from './handler-protocol.js';

// The program of a handler process: loads the handler modules, then runs one handler at a time.

const MAX_OUTPUT_BYTES = 64 * 1024;

let tasks = new Map<string, RegisteredTask>();

serve<HandlerSettings, HandlerCall>({
  async load(settings): Promise<LoadedHandler[]> {
    const modules = await loadHandlerModules(settings);
    tasks = modules.tasks;
    return modules.loaded;
  },
  async run({ handler, ...call }, context) {
    const tables = new AttemptTables<HandlerTables>(call.tables, async () => {
      const { HandlerTables } = await import('./table-engine.js');
      return new HandlerTables(context.signal, call.rows);
    });
    try {
      const output = serialize(await tasks.get(handler)!.run(contextOf(call, context, tables)));
      const columns = (await tables.used)?.result;
      return `{"output":${output}${columns ? `,"columns":${JSON.stringify(columns)}` : ''}}`;
    } catch (error) {
      if (error instanceof Error && error.stack) context.log('DEBUG', error.stack);
      throw error;
    } finally {
      await (await tables.used)?.end();
    }
  },
});

function contextOf(
  { rows: _, ...call }: Omit<HandlerCall, 'handler'>,
  context: CallContext,
  tables: AttemptTables<HandlerTables>,
): TaskContext<never> {
  return {
    ...(call as typeof call & { input: never }),
    tables,
    log: {
      debug: (message) => context.log('DEBUG', message),
      info: (message) => context.log('INFO', message),
      warning: (message) => context.log('WARNING', message),
      error: (message) => context.log('ERROR', message),
    },
    progress: (fraction) => context.progress(fraction),
    signal: context.signal,
  };
}

class OutputError extends Error {
  readonly retryable = false;
  constructor(
    override readonly name: string,
    message: string,
  ) {
    super(message);
  }
}

function serialize(result: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(result ?? null);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OutputError('InvalidOutput', `the handler returned what is no JSON: ${reason}`);
  }
  if (text === undefined) {
    throw new OutputError('InvalidOutput', `the handler returned a ${typeof result}, not JSON`);
  }
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_OUTPUT_BYTES) return text;
  const kept = `at most ${MAX_OUTPUT_BYTES} are kept; write more to a file`;
  throw new OutputError('OutputTooLarge', `the handler returned ${bytes} bytes of JSON, ${kept}`);
}
