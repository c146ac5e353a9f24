import { ApiProperty } from '@nestjs/swagger';
import { Secret } from '@tauro/database';
import { MAX_SECRET_BYTES, MIN_SECRET_CHARS } from '@tauro/domain';
import { IsString, MaxLength, MinLength } from 'class-validator';
import { IfGiven } from '../http/given.js';
import { setExample } from '../http/openapi/examples.js';
import { DescribedDto, NamedDto } from '../named/named.dto.js';

/** What a secret is created with. */
export class CreateSecretDto extends NamedDto {
  /** At most 32 KB. No answer ever has it. */
  @ApiProperty({ writeOnly: true })
  @MaxLength(MAX_SECRET_BYTES)
  @MinLength(MIN_SECRET_CHARS)
  @IsString()
  value!: string;
}

/** Absent fields stay as they are. */
export class UpdateSecretDto extends DescribedDto {
  /** Makes the next version; attempts that begin from now on get it. */
  @ApiProperty({ writeOnly: true, required: false })
  @IfGiven()
  @MaxLength(MAX_SECRET_BYTES)
  @MinLength(MIN_SECRET_CHARS)
  @IsString()
  value?: string;
}

export const CREATE_SECRET_EXAMPLE = {
  name: 'crm_token',
  project_id: 'proj_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  description: 'Reads the contacts of the CRM',
  value: 'the token itself',
};
export const UPDATE_SECRET_EXAMPLE = { value: 'the next token' };

const { value: _, ...shown } = CREATE_SECRET_EXAMPLE;
setExample(Secret, {
  id: 'sec_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  ...shown,
  version: 2,
  created_by: 'key_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  updated_by: 'key_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  created_at: '2025-11-18T10:00:00.000Z',
  updated_at: '2025-11-19T10:00:00.000Z',
  revision: 2,
  request_id: 'req_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
});
