import { ApiProperty } from '@nestjs/swagger';
import { SourceMark } from '@tauro/database';
import { MAX_MARK } from '@tauro/domain';
import { IsString, MaxLength, MinLength } from 'class-validator';
import { setExample } from '../http/openapi/examples.js';

/** Where the next run is to begin. */
export class SetMarkDto {
  /** The next run reads what comes after it, as the source writes such values: `42`, `2025-11-18 02:00:00+00`, a key. */
  @ApiProperty({ minLength: 1, maxLength: MAX_MARK })
  @MaxLength(MAX_MARK)
  @MinLength(1)
  @IsString()
  value!: string;
}

export const SET_MARK_EXAMPLE = { value: '2025-11-18 02:00:00+00' };

setExample(SourceMark, {
  id: 'mark_0f1e2d3c4b5a69788796a5b4c3',
  project_id: 'proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  pipeline_id: 'pipe_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  node_id: 'orders',
  by: 'updated_at',
  value: '2025-11-18 02:00:00+00',
  run_id: 'run_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  updated_by: null,
  created_at: '2025-11-17T02:00:09.000Z',
  updated_at: '2025-11-18T02:00:12.000Z',
  revision: 3,
});
