import { type TaskContext } from './context.js';

export interface TaskOptions {
  /** One sentence for people. */
  description?: string;
  /** JSON Schema of the node's `config.input`; input that does not fit fails the task before the handler runs. */
  input?: Record<string, unknown>;
  /** JSON Schema of what it returns; a value that does not fit fails the task with `InvalidOutput`, once and for all. */
  output?: Record<string, unknown>;
}

/**
 * A handler: what it returns is kept as JSON of at most 64 KB, nothing as null. The type is left open, because
 * TypeScript takes no interface for a JSON object; what is no JSON fails the task and says so.
 */
export type TaskHandler = (context: TaskContext<never>) => unknown;

/** A handler as it was declared. */
export interface RegisteredTask extends TaskOptions {
  name: string;
  /** The class that declares it. */
  owner: object;
  run: TaskHandler;
}

// On globalThis, because a handler file may load its own copy of this package and must still be seen.
const REGISTRY = Symbol.for('tauro.sdk.tasks');
const globals = globalThis as { [REGISTRY]?: RegisteredTask[] };

/**
 * Makes a method a `task` handler, which nodes call by `name`:
 *
 *     class Reports {
 *       @Task('send_report')
 *       async send({ input, log }: TaskContext<{ to: string }>) { … }
 *     }
 *
 * In JavaScript, call it: `Task('send_report')(Reports, 'send', Object.getOwnPropertyDescriptor(Reports, 'send'))`.
 * A static method is called on its class; any other on one instance per process, made without arguments.
 */
export function Task(name: string, options: TaskOptions = {}) {
  return <Method extends TaskHandler>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void => {
    const method = descriptor.value;
    if (typeof method !== 'function') {
      throw new Error(`@Task('${name}') on '${String(key)}': it is no method`);
    }
    const declaring = typeof target === 'function' ? target : target.constructor;
    let owner: object | undefined = typeof target === 'function' ? target : undefined;
    const run: TaskHandler = (context) => {
      owner ??= new (target.constructor as new () => object)();
      return method.call(owner, context);
    };
    (globals[REGISTRY] ??= []).push({ ...options, name, owner: declaring, run });
  };
}

/** Every handler declared so far in this process, in order. The worker's handler processes read it. */
export function registeredTasks(): readonly RegisteredTask[] {
  return globals[REGISTRY] ?? [];
}
