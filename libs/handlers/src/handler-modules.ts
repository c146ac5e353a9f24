import { registeredTasks, type RegisteredTask } from '@tauro/sdk';
import { moduleLoader } from './module-loader.js';

/** What a handler process loads. */
export interface HandlerSettings {
  /** Absolute paths of the handler modules. */
  files: string[];
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

/** Handlers by name, and the module each was found in. */
export interface HandlerModules {
  tasks: Map<string, RegisteredTask>;
  loaded: LoadedHandler[];
}

/** Loads every handler module. @throws Error naming the module that is at fault. */
export async function loadHandlerModules(settings: HandlerSettings): Promise<HandlerModules> {
  const load = moduleLoader(settings.cacheDirectory);
  const tasks = new Map<string, RegisteredTask>();
  const loaded = new Map<string, LoadedHandler>();
  for (const file of settings.files) {
    const before = registeredTasks().length;
    await load(file);
    for (const task of registeredTasks().slice(before)) {
      const { name, description, input, output } = task;
      if (typeof name !== 'string' || !/^\S{1,200}$/.test(name)) {
        throw new Error(`${file}: @Task needs a name of 1 to 200 characters without spaces, got '${name}'`);
      }
      const first = loaded.get(name);
      if (first) throw new Error(`the handler '${name}' is declared in ${first.file} and in ${file}`);
      const told = {
        ...(description && { description }),
        ...(input && { input }),
        ...(output && { output }),
      };
      loaded.set(name, { name, file, ...told });
      tasks.set(name, task);
    }
  }
  return { tasks, loaded: [...loaded.values()] };
}
