import { ApiProperty } from '@nestjs/swagger';
import { BatchDto, BatchIds, BatchItems, MAX_BATCH } from '../http/batch/batch.dto.js';
import { CreateScheduleDto } from './schedule.dto.js';

/** Schedules to create together. */
export class CreateSchedulesDto extends BatchDto {
  @ApiProperty({ type: [CreateScheduleDto], minItems: 1, maxItems: MAX_BATCH })
  @BatchItems()
  schedules!: object[];
}

/** Schedules that exist. */
export class ScheduleIdsDto extends BatchDto {
  @BatchIds('sched')
  ids!: string[];
}
