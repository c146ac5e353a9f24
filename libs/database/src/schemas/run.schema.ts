import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { ApiHideProperty } from '@nestjs/swagger';
import { RUN_STATES, type JsonObject, type RunState } from '@tauro/domain';
import { Document } from './document.js';
import { type Slots } from './limit.schema.js';

/** How far a run is, counted in tasks. */
export class RunProgress {
  total_tasks!: number;
  /** Tasks that ended well: SUCCESS or SKIPPED. */
  completed_tasks!: number;
  running_tasks!: number;
  /** FAILED and UPSTREAM_FAILED. */
  failed_tasks!: number;
  /** Terminal tasks of all, 0..100 with two decimals. */
  percent_complete!: number;
}

export class RunMetrics {
  /** Rows that nodes produced or wrote, summed. */
  rows_processed!: number;
  bytes_processed!: number;
  /** Failed attempts. */
  error_count!: number;
}

/** Why a run or a task failed. */
export class Failure {
  type!: string;
  message!: string;
  /** The node that failed first, on a run. */
  node_id?: string;
}

/** What only the engine reads. */
export interface RunEngine {
  /** `pipeline_versions._id` the run is pinned to. */
  version_id: string;
  max_parallelism: number | null;
  /** How many runs are above it; 0 for a run of its own. */
  depth: number;
  /** How many runs before it each triggered the next; absent on one that no run has triggered. */
  trigger_depth?: number;
  /** Most runs of its pipeline at once, as its version says. */
  max_active_runs: number | null;
  /**
   * Whose runs it is one of, and how many of those at once: what a schedule says by now counts before `max`. With
   * `beyond` it does not wait for its turn, and the others wait for it. Absent when nothing of that sort bounds it.
   */
  group?: { kind: 'schedule' | 'backfill'; id: string; max: number; beyond?: true };
  /** Place in the queue of runs that wait to be admitted; only where a limit applies. */
  rank?: Date;
  /** Which tasks hold the `max_parallelism` slots; only in a bounded run that is under way. */
  limit?: Slots;
  /** The last of `STAGES` that was opened. */
  stage: number;
  /** Tasks of stages below this one are stopped: see `STOP`. */
  stop_below: number;
  /** How the main nodes ended; null until they have. */
  outcome: { state: RunState; error: Failure | null; outputs: JsonObject | null } | null;
  /** When the reconciler looks at the run if nothing else has; absent once there is nothing left to do. */
  check_at?: Date;
  /** When its time is over: that of its timeout, its deadline or its clean-up, whichever comes first. */
  expire_at?: Date;
  /** When it is late by the notification settings, and somebody wants to know; absent once that was told. */
  sla_at?: Date;
  /** Its project had notification settings when it was created. */
  notify?: boolean;
  /** Its time was over before it had ended. */
  expired?: boolean;
  /** False from the terminal write until what follows a run's end (its last log line, ...) is done. */
  advanced?: boolean;
  /** False from the terminal write until the run is in the counts that statistics are made of; then absent. */
  counted?: false;
  /** Tasks of it have read or written data outside of it; set when it ends. */
  datasets?: true;
  retention_days: number;
  /** W3C trace context of what made it, so that tasks that begin much later belong to that trace; absent without one. */
  traceparent?: string;
  /** Tasks without a policy of their own are attempted once. */
  one_attempt?: boolean;
  /** Its nodes execute even if the cache knows their result: somebody asked for them to be done again. */
  fresh?: boolean;
}

/** One execution of a pipeline version. */
@Schema({ collection: 'pipeline_runs', versionKey: false, minimize: false })
export class Run extends Document {
  @Prop({ type: String, required: true })
  project_id!: string;

  @Prop({ type: String, required: true })
  pipeline_id!: string;

  @Prop({ type: String, required: true })
  pipeline_name!: string;

  /** The version it is pinned to, whatever happens to the pipeline later. */
  @Prop({ type: Number, required: true })
  pipeline_version!: number;

  /** The version of a config that it is pinned to, which templates read as `config`; null without one. */
  @Prop({ type: String, default: null })
  config_version_id!: string | null;

  /** PENDING until started, QUEUED until a worker begins, then RUNNING until every task is terminal. */
  @Prop({ type: String, enum: RUN_STATES, required: true })
  state!: RunState;

  @Prop({ type: Object, default: {} })
  params!: JsonObject;

  /** -100..100; higher is admitted and executed first. */
  @Prop({ type: Number, default: 0 })
  priority!: number;

  @Prop({ type: Object, default: {} })
  tags!: Record<string, string>;

  @Prop({ type: Object, required: true })
  progress!: RunProgress;

  @Prop({ type: Object, required: true })
  metrics!: RunMetrics;

  @Prop({ type: Object, default: null })
  error!: Failure | null;

  /** What its pipeline's `outputs` came to; null until it ends SUCCESS. */
  @Prop({ type: Object, default: null })
  outputs!: JsonObject | null;

  /** Why it is not moving, when it is not. Worked out when it is read, never stored. */
  waiting_reason?: string | null;

  /** The run whose finished outputs this one reuses. */
  @Prop({ type: String, default: null })
  rerun_of!: string | null;

  /** The run whose `pipeline` node made this one, and that node's task; null for a run of its own. */
  @Prop({ type: String, default: null })
  parent_run_id!: string | null;

  @Prop({ type: String, default: null })
  parent_task_id!: string | null;

  @Prop({ type: String, default: null })
  schedule_id!: string | null;

  /** The trigger that made it, and the run whose end it waited for. */
  @Prop({ type: String, default: null })
  trigger_id!: string | null;

  @Prop({ type: String, default: null })
  triggered_by_run_id!: string | null;

  @Prop({ type: Date, default: null })
  scheduled_for!: Date | null;

  @Prop({ type: Date, default: null })
  data_interval_start!: Date | null;

  @Prop({ type: Date, default: null })
  data_interval_end!: Date | null;

  @Prop({ type: Date, required: true })
  created_at!: Date;

  @Prop({ type: Date, required: true })
  updated_at!: Date;

  @Prop({ type: Date, default: null })
  queued_at!: Date | null;

  @Prop({ type: Date, default: null })
  started_at!: Date | null;

  @Prop({ type: Date, default: null })
  finished_at!: Date | null;

  /** From started to finished; null until then. */
  @Prop({ type: Number, default: null })
  duration_seconds!: number | null;

  /** Seconds it may take from its first task on; null for no bound. */
  @Prop({ type: Number, default: null })
  timeout_seconds!: number | null;

  /** When it must have ended, started or not; null for never. */
  @Prop({ type: Date, default: null })
  deadline!: Date | null;

  /** Set once cancelling was asked for; the run ends when its running tasks have stopped. */
  @Prop({ type: Date, default: null })
  cancel_requested_at!: Date | null;

  /** When retention removes it, with its tasks, logs and data; null until it is terminal. */
  @Prop({ type: Date, default: null })
  expires_at!: Date | null;

  @Prop({ type: String, default: null })
  request_id!: string | null;

  @ApiHideProperty()
  @Prop({ type: Object, required: true })
  engine!: RunEngine;
}

export const RunSchema = SchemaFactory.createForClass(Run);
