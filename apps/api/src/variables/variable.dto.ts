import { ApiPropertyOptional } from '@nestjs/swagger';
import { AnyJson, Variable } from '@tauro/database';
import { Allow } from 'class-validator';
import { setExample } from '../http/openapi/examples.js';
import { DescribedDto, NamedDto } from '../named/named.dto.js';

/** What a variable is created with. */
export class CreateVariableDto extends NamedDto {
  /** Any JSON, at most 32 KB. */
  @AnyJson()
  @Allow()
  value!: unknown;
}

/** Absent fields stay as they are. */
export class UpdateVariableDto extends DescribedDto {
  /** Attempts that begin from now on get it. */
  @ApiPropertyOptional()
  @AnyJson()
  @Allow()
  value?: unknown;
}

export const CREATE_VARIABLE_EXAMPLE = {
  name: 'batch',
  project_id: 'proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  description: 'How much is loaded at once',
  value: { rows: 500 },
};
export const UPDATE_VARIABLE_EXAMPLE = { value: { rows: 1000 } };

setExample(Variable, {
  id: 'var_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  ...CREATE_VARIABLE_EXAMPLE,
  created_by: 'key_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  updated_by: 'key_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  created_at: '2025-11-18T10:00:00.000Z',
  updated_at: '2025-11-19T10:00:00.000Z',
  revision: 2,
  request_id: 'req_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
});
