import { ApiProperty } from '@nestjs/swagger';
import { Backfill } from '@tauro/database';
import { MOST_SLOTS } from '@tauro/orchestration';
import { IsBoolean, IsInt, IsString, Max, Min, Validate } from 'class-validator';
import { IfGiven } from '../http/given.js';
import { setExample } from '../http/openapi/examples.js';
import { MAX_CONCURRENCY } from './schedule.dto.js';
import { InstantRule } from './schedule-input.js';

/** Which slots of the past get runs: the last `count`, or all from `start` to `end`. */
export class BackfillDto {
  /** The last so many slots that have passed. */
  @IfGiven()
  @Max(MOST_SLOTS)
  @Min(1)
  @IsInt()
  count?: number;

  /** The first slot is at or after it. ISO 8601. */
  @IfGiven()
  @ApiProperty({ format: 'date-time' })
  @Validate(InstantRule)
  @IsString()
  start?: string;

  /** The last slot is at or before it; now unless given. ISO 8601. */
  @IfGiven()
  @ApiProperty({ format: 'date-time' })
  @Validate(InstantRule)
  @IsString()
  end?: string;

  /** Answer with the slots and what would be done with each, and do nothing. */
  @IfGiven()
  @IsBoolean()
  dry_run?: boolean;

  /** Most of its runs at once; that of the schedule unless given. */
  @IfGiven()
  @Max(MAX_CONCURRENCY)
  @Min(1)
  @IsInt()
  max_concurrency?: number;

  /** The latest slot first. */
  @IfGiven()
  @IsBoolean()
  reverse?: boolean;

  /** A new run also for slots that have one; otherwise those are skipped. */
  @IfGiven()
  @IsBoolean()
  rerun?: boolean;
}

/** A slot that a backfill would take. */
export class PreviewedSlot {
  scheduled_for!: Date;
  data_interval_start!: Date;
  data_interval_end!: Date;
  /** What would be done: a slot that has a run is skipped. */
  action!: 'run' | 'skip';
  /** The run that it has already. */
  @ApiProperty({ type: String, nullable: true })
  run_id!: string | null;
}

/** What a backfill would do. */
export class BackfillPreview {
  dry_run!: true;
  start!: Date;
  end!: Date;
  total_slots!: number;
  /** At most 10,000 of them. */
  slots!: PreviewedSlot[];
}

const SLOT = {
  scheduled_for: '2025-11-17T02:00:00.000Z',
  data_interval_start: '2025-11-16T02:00:00.000Z',
  data_interval_end: '2025-11-17T02:00:00.000Z',
  action: 'run',
  run_id: null,
};

setExample(BackfillPreview, {
  dry_run: true,
  start: SLOT.scheduled_for,
  end: SLOT.scheduled_for,
  total_slots: 1,
  slots: [SLOT],
});

setExample(Backfill, {
  id: 'bf_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  schedule_id: 'sched_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  project_id: 'proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  state: 'RUNNING',
  start: '2025-10-20T02:00:00.000Z',
  end: '2025-11-18T02:00:00.000Z',
  max_concurrency: 1,
  reverse: false,
  rerun: false,
  progress: {
    total_slots: 30,
    created_runs: 30,
    skipped_slots: 0,
    successful_runs: 12,
    failed_runs: 0,
    cancelled_runs: 0,
    failed_slots: 0,
    percent_complete: 40,
  },
  error: null,
  created_at: '2025-11-18T10:00:00.000Z',
  updated_at: '2025-11-18T10:01:00.000Z',
  finished_at: null,
  request_id: 'req_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
});
