import { ApiProperty } from '@nestjs/swagger';
import { BatchDto, BatchIds, BatchItems, MAX_BATCH } from '../http/batch/batch.dto.js';
import { CreateRunDto } from './run.dto.js';

/** Runs to create together. */
export class CreateRunsDto extends BatchDto {
  @ApiProperty({ type: [CreateRunDto], minItems: 1, maxItems: MAX_BATCH })
  @BatchItems()
  runs!: object[];
}

/** Runs that exist. */
export class RunIdsDto extends BatchDto {
  @BatchIds('run')
  ids!: string[];
}
