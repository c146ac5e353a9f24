// jiti emits design-time metadata beside every decorator and breaks the decorators where nothing takes it.
import 'reflect-metadata';
import { type HandlerTables } from '@tauro/nodes';
import { AttemptTables, outputText, type RegisteredTask, type TaskContext } from '@tauro/sdk';
import { type CallContext, serve } from '@tauro/processes';
import { type HandlerSettings, type LoadedHandler, loadHandlerModules } from '@tauro/handlers';
import { type HandlerCall } from './handler-protocol.js';

// The program of a handler process: loads the handler modules, then runs one handler at a time.

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
      const output = outputText(await tasks.get(handler)!.run(contextOf(call, context, tables)));
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
