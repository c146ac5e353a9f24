import { type QualityResult, type Run, type Task } from '@tauro/database';
import { newId } from '@tauro/domain';
import { type Outcome } from './settlement.js';

/** What is stored of the checks of an attempt, in their order; undefined when there were none. */
export function qualityOf(
  { task, run }: { task: Task; run: Run },
  outcome: Outcome,
  created_at = new Date(),
): QualityResult[] | undefined {
  const found = 'quality' in outcome ? outcome.quality : undefined;
  return found?.map((result) => ({
    _id: newId('chk', created_at.getTime()),
    project_id: run.project_id,
    pipeline_id: run.pipeline_id,
    run_id: run._id,
    task_id: task._id,
    node_id: task.node_id,
    attempt: task.attempt,
    ...result,
    created_at,
  }));
}
