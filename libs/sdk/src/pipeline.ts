import { type PipelineDefinition } from '@tauro/domain';

// On globalThis for the same reason as the tasks.
const REGISTRY = Symbol.for('tauro.sdk.pipelines');
const globals = globalThis as { [REGISTRY]?: PipelineDefinition[] };

/**
 * Declares a pipeline in a handler file, from where it is discovered as one of a YAML file is:
 *
 *     pipeline({ name: 'daily', nodes: [{ id: 'load', type: 'source', config: { … } }, …] });
 *
 * @returns the definition, for tests
 */
export function pipeline(definition: PipelineDefinition): PipelineDefinition {
  (globals[REGISTRY] ??= []).push(definition);
  return definition;
}

/**
 * The same beside the tasks that it calls:
 *
 *     @Pipeline({ name: 'daily', nodes: [ … ] })
 *     export class Daily {
 *       @Task('daily_report') …
 *     }
 */
export const Pipeline =
  (definition: PipelineDefinition) =>
  (_class: abstract new (...args: never[]) => object): void =>
    void pipeline(definition);

/** Every pipeline declared so far in this process, in order. */
export function registeredPipelines(): readonly PipelineDefinition[] {
  return globals[REGISTRY] ?? [];
}
