import { ApiProperty, PartialType } from '@nestjs/swagger';
import { Pool } from '@tauro/database';
import { NAME_PATTERN } from '@tauro/domain';
import { Type } from 'class-transformer';
import {
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { setExample } from '../http/openapi/examples.js';

/** At most so many task starts within any window of that length, by all workers together. */
export class RateLimitDto {
  @Max(100_000)
  @Min(1)
  @IsInt()
  tasks!: number;

  @Max(86_400)
  @Min(0.1)
  @IsNumber()
  per_seconds!: number;
}

/** What a pool is created with. */
export class CreatePoolDto {
  /** What nodes call it by. */
  @Matches(NAME_PATTERN, { message: `must match ${NAME_PATTERN.source}` })
  @IsString()
  name!: string;

  /** Slots that tasks may hold at once; 0 lets nobody in. */
  @Max(100_000)
  @Min(0)
  @IsInt()
  slots!: number;

  @IsOptional()
  @MaxLength(4096)
  @IsString()
  description?: string;

  /** Null or absent: none. */
  @ApiProperty({ type: RateLimitDto, nullable: true, required: false })
  @ValidateIf((_, value) => value !== undefined && value !== null)
  @ValidateNested()
  @IsObject()
  @Type(() => RateLimitDto)
  rate_limit?: RateLimitDto | null;
}

/** Absent fields stay as they are. */
export class UpdatePoolDto extends PartialType(CreatePoolDto, { skipNullProperties: false }) {}

export const CREATE_POOL_EXAMPLE = {
  name: 'warehouse',
  slots: 4,
  description: 'Connections that the warehouse allows',
  rate_limit: { tasks: 10, per_seconds: 60 },
};

setExample(Pool, {
  id: 'pool_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  ...CREATE_POOL_EXAMPLE,
  used_slots: 3,
  running_tasks: 2,
  created_at: '2025-11-18T02:00:00.000Z',
  updated_at: '2025-11-18T02:00:00.000Z',
  revision: 1,
  request_id: 'req_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
});
