import { Injectable } from '@nestjs/common';
import { Ticker } from '@tauro/orchestration';
import { type ScheduleJob, SCHEDULE_QUEUE } from '@tauro/queue';

/** Carries an alarm to the schedule it is for. */
@Injectable()
export class ScheduleProcessor {
  readonly queue = SCHEDULE_QUEUE;

  constructor(private readonly ticker: Ticker) {}

  process({ schedule_id, alarm }: ScheduleJob): Promise<void> {
    return this.ticker.tick(schedule_id, alarm);
  }
}
