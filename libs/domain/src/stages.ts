import { type PipelineDefinition } from './pipeline.js';
import { isTerminalTask, type RunState, type TaskState } from './states.js';

/** The parts of a run, in the order they execute: each begins when all tasks of those before it are terminal. */
export const STAGES = ['main', 'on_failure', 'finally'] as const;
export type Stage = (typeof STAGES)[number];

/** Places in `STAGES`: what is stored and compared. */
export const MAIN = 0;
export const ON_FAILURE = 1;
export const FINALLY = 2;

/**
 * Below which stage a run has been told to stop: tasks of earlier stages end CANCELLED, later ones still execute.
 * A run whose time is over still tells of its failure; a cancelled one only tidies up; one that takes too long even for
 * that does neither.
 */
export const STOP = { expired: ON_FAILURE, cancel: FINALLY, all: STAGES.length } as const;

/** The stage of each node that is not in the main one, by node id. */
export function stagesOf({ on_failure = [], finally: last = [] }: PipelineDefinition): Map<string, number> {
  return new Map([
    ...on_failure.map((id) => [id, ON_FAILURE] as const),
    ...last.map((id) => [id, FINALLY] as const),
  ]);
}

/** What a run does next, as far as its stages go. */
export type StageStep = { do: 'wait' } | { do: 'end' } | { do: 'open'; stage: number };

/**
 * Decides it from the tasks alone, so that whoever asks, and however often, gets the same answer: a stage whose first
 * tasks are still PENDING is opened (again).
 */
export function nextStage(tasks: readonly { stage: number; state: TaskState }[]): StageStep {
  const open = tasks.filter(({ state }) => !isTerminalTask(state));
  if (open.length === 0) return { do: 'end' };
  const stage = open.reduce<number>((least, task) => Math.min(least, task.stage), STAGES.length);
  const begun = tasks.some((task) => task.stage === stage && task.state !== 'PENDING');
  return stage === MAIN || begun ? { do: 'wait' } : { do: 'open', stage };
}

/** Whether a stage executes after the main nodes ended like this; its tasks are SKIPPED otherwise. */
export const executes = (stage: number, outcome: RunState): boolean =>
  stage !== ON_FAILURE || outcome === 'FAILED';

/** Whether a task may not execute (any more), because its run was told to stop. */
export const isStopped = (
  run: { engine: { stop_below: number } },
  task: { engine: { stage: number } },
): boolean => task.engine.stage < run.engine.stop_below;
