import { Injectable } from '@nestjs/common';
import { BackfillService, Ticker } from '@tauro/orchestration';
import { type ScheduleJob, SCHEDULE_QUEUE } from '@tauro/queue';

/** Carries a wake-up to the schedule or the backfill it is for. */
@Injectable()
export class ScheduleProcessor {
  readonly queue = SCHEDULE_QUEUE;

  constructor(
    private readonly ticker: Ticker,
    private readonly backfills: BackfillService,
  ) {}

  process(job: ScheduleJob): Promise<void> {
    if ('backfill_id' in job) return this.backfills.advance(job.backfill_id);
    return this.ticker.tick(job.schedule_id, job.alarm);
  }
}
