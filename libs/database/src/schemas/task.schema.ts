import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { ApiHideProperty } from '@nestjs/swagger';
import {
  type DatasetUse,
  type Json,
  type MarkMove,
  type TableRef,
  TASK_STATES,
  type TaskState,
} from '@tauro/domain';
import { Document } from './document.js';
import { AnyJson } from './json-property.js';
import { Failure } from './run.schema.js';

/** One try of a task on one worker. */
export class Attempt {
  attempt!: number;
  /** LOST when its worker went away, SKIPPED when its condition was false. */
  state!: 'RUNNING' | 'SUCCESS' | 'FAILED' | 'SKIPPED' | 'CANCELLED' | 'LOST' | 'WAITING';
  worker_id!: string;
  started_at!: Date;
  finished_at!: Date | null;
  error!: Failure | null;
}

export class TaskMetrics {
  /** Rows that it made or wrote; the run's `rows_processed` is their sum. */
  rows!: number;
  bytes!: number;
  /** What went in: from tables of nodes before it, and from outside. */
  rows_in!: number;
  bytes_in!: number;
  /** What came out: into its own table, and to outside. */
  rows_out!: number;
  bytes_out!: number;
}

/** Who may write the task's next transition. The id is the fencing token. */
export interface Claim {
  id: string;
  worker_id: string;
  /** By the database's clock. */
  lease_until: Date;
}

/** What only the engine reads. */
export interface TaskEngine {
  claim: Claim | null;
  /** The claim under which the last attempt was settled. */
  settled?: string;
  /** Id of the job that last carried the task; a fresh one per dispatch. */
  dispatch: string | null;
  /** When the reconciler looks at the task if nothing else has; absent while PENDING and once advanced. */
  check_at?: Date;
  /** False from the terminal write until the nodes after it were told. */
  advanced?: boolean;
  /** Attempts that failed; compared with `max_attempts`. */
  failures: number;
  /** Attempts whose worker went away; bounded apart from failures. */
  losses: number;
  priority: number;
  /** The pool it takes slots of, and how many. */
  pool?: string;
  pool_slots?: number;
  /** Place in the queue for a slot; only where a limit applies. */
  rank?: Date;
  /** Place in `STAGES`. */
  stage: number;
  /** The table it published. */
  artifact: TableRef | null;
  /** The rows that checks have taken out of it; absent when none have. */
  quarantine?: TableRef | null;
  /** What it has read and written outside of the run; absent when nothing. */
  datasets?: DatasetUse[];
  /** Where the mark of its source is to stand once the run has succeeded; absent when it stays. */
  mark?: MarkMove;
  /** When a RETRYING or WAITING task goes on, or an approval is too late; null for one that never is. */
  wake_at: Date | null;
  /** Why a RETRYING task was not begun, when it is not a failed attempt that it sleeps after. */
  postponed?: string | null;
  /** What a person is asked, once an `approval` node waits. */
  approval?: { message: string };
  /** Its sub-run is not wanted any more, though its own run goes on. */
  stop?: boolean;
  /** On the task of a mapped node, once the tasks of all its items exist: how many there are. */
  expanded?: number;
  /** With a bound on the items at once: the places of those that may run, and the first that may not yet. */
  open?: number[];
  next?: number;
}

/** One node of one run. */
@Schema({ collection: 'tasks', versionKey: false, minimize: false })
export class Task extends Document {
  @Prop({ type: String, required: true })
  run_id!: string;

  @Prop({ type: String, required: true })
  node_id!: string;

  /** Place among the items of a mapped node; null for the node's own task. */
  @Prop({ type: Number, default: null })
  index!: number | null;

  /** What `{{ item }}` is, on the task of an item of a mapped node. */
  @AnyJson()
  @Prop({ type: Object })
  item?: Json;

  /** The node's type, such as `source`. */
  @Prop({ type: String, required: true })
  type!: string;

  @Prop({ type: String, enum: TASK_STATES, required: true })
  state!: TaskState;

  /** Attempts begun. */
  @Prop({ type: Number, default: 0 })
  attempt!: number;

  @Prop({ type: Number, required: true })
  max_attempts!: number;

  @Prop({ type: [Object], default: [] })
  attempts!: Attempt[];

  @Prop({ type: Object, default: null })
  error!: Failure | null;

  /** What the node handed on; `{rows, bytes, columns}` for one that made a table, null until it has succeeded. */
  @AnyJson()
  @Prop({ type: Object, default: null })
  output!: Json;

  /** Whether its result was taken from the cache instead of being made. */
  @Prop({ type: Boolean, default: false })
  cached!: boolean;

  /** What it worked through; null when its result was taken over from elsewhere. */
  @Prop({ type: Object, default: null })
  metrics!: TaskMetrics | null;

  /** 0..1 while it runs, when the node says so. */
  @Prop({ type: Number, default: null })
  progress!: number | null;

  /** The run that a `pipeline` node made, in its last attempt. */
  @Prop({ type: String, default: null })
  sub_run_id!: string | null;

  /** Why it is not moving, when it is not. Worked out when it is read, never stored. */
  waiting_reason?: string | null;

  @Prop({ type: Date, required: true })
  created_at!: Date;

  @Prop({ type: Date, default: null })
  queued_at!: Date | null;

  @Prop({ type: Date, default: null })
  started_at!: Date | null;

  @Prop({ type: Date, default: null })
  finished_at!: Date | null;

  @ApiHideProperty()
  @Prop({ type: Object, required: true })
  engine!: TaskEngine;
}

export const TaskSchema = SchemaFactory.createForClass(Task);
