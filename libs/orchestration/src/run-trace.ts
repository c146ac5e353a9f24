import { type Run } from '@tauro/database';
import {
  currentTrace,
  fail,
  formatTraceparent,
  isSampled,
  isTracing,
  parseTraceparent,
  type SpanContext,
  startSpan,
} from '@tauro/tracing';
import { createHash } from 'node:crypto';

export interface LogSubject {
  run_id: string;
  project_id: string;
  trace_id?: string;
}

/** What is read of a run to know its trace. */
type Traced = { _id: string; engine: { traceparent?: string } };

/** The `traceparent` of what makes a run now: its parent's, or that of the request which is being answered. */
export function traceparentOfNew(parent?: Run): string | undefined {
  const context = parent ? traceOfRun(parent) : currentTrace();
  return context && formatTraceparent(context);
}

/**
 * Where a run's span stands. Its id follows from the run's, and so does the trace's when nothing else began one: whoever
 * executes a task knows the span above it, though that is told of only when the run ends.
 * @returns undefined when it belongs to no trace; while none are exported, the place of what made the run.
 */
export function traceOfRun(run: Traced): SpanContext | undefined {
  const above = parseTraceparent(run.engine.traceparent);
  if (!isTracing()) return above;
  const own = idsOf(run._id);
  if (above) return { ...above, spanId: own.spanId };
  return { ...own, traceFlags: isSampled(own.traceId) ? 1 : 0, isRemote: true };
}

/** Whom a line of the log is about, and by which trace it is found again. */
export function subjectOf(run: Traced & Pick<Run, 'project_id'>): LogSubject {
  const trace = traceOfRun(run);
  return { run_id: run._id, project_id: run.project_id, ...(trace && { trace_id: trace.traceId }) };
}

/** The same as a header. */
export function traceparentOfRun(run: Traced): string | undefined {
  const context = traceOfRun(run);
  return context && formatTraceparent(context);
}

/** Tells of a run that has ended. Whoever stored its end does so, hence once; it is lost if the process dies just then. */
export function traceEnded(run: Run): void {
  if (!isTracing()) return;
  const span = startSpan(`run ${run.pipeline_name}`, {
    parent: run.engine.traceparent,
    ids: idsOf(run._id),
    startTime: run.queued_at ?? run.created_at,
    attributes: {
      'tauro.run.id': run._id,
      'tauro.project.id': run.project_id,
      'tauro.pipeline.id': run.pipeline_id,
      'tauro.pipeline.version': run.pipeline_version,
      'tauro.run.state': run.state,
      ...(run.request_id && { 'tauro.request.id': run.request_id }),
    },
  });
  if (run.state === 'FAILED') fail(span, run.error?.type ?? 'unknown');
  span.end(run.finished_at ?? undefined);
}

function idsOf(runId: string): { traceId: string; spanId: string } {
  const digest = createHash('sha256').update(runId).digest('hex');
  return { traceId: digest.slice(0, 32), spanId: digest.slice(32, 48) };
}
