import { type Run } from '@tauro/database';
import { type JsonObject } from '@tauro/domain';

/** Fields of a run that messages carry; its params and outputs stay out, since they may be large, or nobody else's affair. */
const RUN_FIELDS = [
  'pipeline_id',
  'pipeline_name',
  'pipeline_version',
  'state',
  'tags',
  'priority',
  'progress',
  'metrics',
  'error',
  'rerun_of',
  'schedule_id',
  'scheduled_for',
  'data_interval_start',
  'data_interval_end',
  'created_at',
  'queued_at',
  'started_at',
  'finished_at',
  'duration_seconds',
  'timeout_seconds',
  'deadline',
] as const satisfies (keyof Run)[];

/** When a run is late, and by which setting. */
export interface Sla {
  seconds: number;
  due_at: Date;
}

/** What a message says of a run; plain JSON, so that it stays the same however often it is sent. */
export function messageData(run: Run, project: { name: string } | null, sla?: Sla): JsonObject {
  const data = {
    run: { id: run._id, ...Object.fromEntries(RUN_FIELDS.map((field) => [field, run[field]])) },
    pipeline: { id: run.pipeline_id, name: run.pipeline_name, version: run.pipeline_version },
    project: { id: run.project_id, name: project?.name ?? null },
    schedule_id: run.schedule_id,
    ...(sla && { sla }),
  };
  return JSON.parse(JSON.stringify(data)) as JsonObject;
}
