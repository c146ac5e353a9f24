import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { Document } from './document.js';

export const WORKER_STATES = ['ACTIVE', 'DRAINING', 'GONE'] as const;
export type WorkerState = (typeof WORKER_STATES)[number];

/** A task that a worker has in hand. */
export class TaskInHand {
  task_id!: string;
  run_id!: string;
  node_id!: string;
}

/** A worker process, as it says itself with every heartbeat. */
@Schema({ collection: 'workers', versionKey: false })
export class WorkerRecord extends Document {
  @Prop({ type: String, required: true })
  host!: string;

  @Prop({ type: Number, required: true })
  pid!: number;

  @Prop({ type: [String], default: [] })
  tags!: string[];

  /** Tasks it takes at once. */
  @Prop({ type: Number, required: true })
  slots!: number;

  /** Tasks it has in hand. */
  @Prop({ type: Number, default: 0 })
  running!: number;

  /** Which ones, as of its last heartbeat. */
  @Prop({ type: [Object], default: [] })
  running_tasks!: TaskInHand[];

  /** Names of the `task` handlers it has. */
  @Prop({ type: [String], default: [] })
  handlers!: string[];

  /** Whether it runs `command` nodes beside itself. */
  @Prop({ type: Boolean, default: false })
  commands!: boolean;

  /** Whether it runs `command` nodes in containers. */
  @Prop({ type: Boolean, default: false })
  containers!: boolean;

  /** Whether it runs `command` nodes as Kubernetes Jobs. */
  @Prop({ type: Boolean, default: false })
  kubernetes!: boolean;

  @Prop({ type: String, required: true })
  version!: string;

  /** When it was asked to take nothing new; null unless it was. */
  @Prop({ type: Date, default: null })
  drain_requested_at!: Date | null;

  /** GONE once its heartbeat is older than three intervals, whatever is stored. */
  @Prop({ type: String, enum: WORKER_STATES, required: true })
  state!: WorkerState;

  @Prop({ type: Date, required: true })
  started_at!: Date;

  @Prop({ type: Date, required: true })
  heartbeat_at!: Date;
}

export const WorkerRecordSchema = SchemaFactory.createForClass(WorkerRecord);
