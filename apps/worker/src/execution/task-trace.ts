import { type ClaimedTask, type LogSubject, type Outcome, subjectOf, traceOfRun } from '@tauro/orchestration';
import { fail, type Span, SpanKind, startSpan } from '@tauro/tracing';

/** The span of one attempt, below that of its run: the queue carries ids only, and the run says which trace it is of. */
export function attemptSpan({ run, task, node }: ClaimedTask, workerId: string): Span {
  return startSpan(`task ${node.id}`, {
    parent: traceOfRun(run),
    kind: SpanKind.CONSUMER,
    attributes: {
      'tauro.run.id': run._id,
      'tauro.project.id': run.project_id,
      'tauro.task.id': task._id,
      'tauro.node.id': node.id,
      'tauro.node.type': node.type,
      'tauro.task.attempt': task.attempt,
      'tauro.worker.id': workerId,
      ...(task.index !== null && { 'tauro.task.index': task.index }),
    },
  });
}

/** How an attempt ended, in a word or two. */
export const kindOf = (outcome: Outcome | string): string =>
  typeof outcome === 'string' ? outcome : outcome.kind;

/** Whom a line of the worker's log is about. */
export const lineOf = ({ run, task }: ClaimedTask): LogSubject & { task_id: string } => ({
  ...subjectOf(run),
  task_id: task._id,
});

export function tellOutcome(span: Span, outcome: Outcome | string): void {
  span.setAttribute('tauro.task.outcome', kindOf(outcome));
  if (typeof outcome !== 'string' && outcome.kind === 'failure') fail(span, outcome.error.type);
}
