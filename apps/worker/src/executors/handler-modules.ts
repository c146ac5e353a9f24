import { createJiti } from 'jiti';
import { registeredTasks, type RegisteredTask } from '@tauro/sdk';
import { type HandlerSettings, type LoadedHandler } from './handler-protocol.js';

/** Handlers by name, and the module each was found in. */
export interface HandlerModules {
  tasks: Map<string, RegisteredTask>;
  loaded: LoadedHandler[];
}

/** Loads every handler module, TypeScript included. @throws Error naming the module that is at fault. */
export async function loadHandlerModules(settings: HandlerSettings): Promise<HandlerModules> {
  const jiti = createJiti(__filename, {
    alias: { '@tauro/sdk': settings.sdk },
    fsCache: settings.cacheDirectory,
  });
  const tasks = new Map<string, RegisteredTask>();
  const loaded = new Map<string, LoadedHandler>();
  for (const file of settings.files) {
    const before = registeredTasks().length;
    try {
      await jiti.import(file);
    } catch (error) {
      throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
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
