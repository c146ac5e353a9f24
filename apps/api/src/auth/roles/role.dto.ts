import { ApiProperty, PartialType } from '@nestjs/swagger';
import { Role } from '@tauro/database';
import { ALL_PERMISSIONS, NAME_PATTERN, type Permission } from '@tauro/domain';
import { ArrayMaxSize, IsArray, IsIn, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { setExample } from '../../http/openapi/examples.js';

/** What a role is made with. */
export class CreateRoleDto {
  /** What keys and tokens call it; it cannot change. */
  @Matches(NAME_PATTERN, { message: `must match ${NAME_PATTERN.source}` })
  @IsString()
  name!: string;

  @IsOptional()
  @MaxLength(4096)
  @IsString()
  description?: string;

  @ApiProperty({ type: 'array', items: { type: 'string', enum: ALL_PERMISSIONS } })
  @IsIn(ALL_PERMISSIONS, { each: true, message: `must be of ${ALL_PERMISSIONS.join(', ')}` })
  @ArrayMaxSize(100)
  @IsArray()
  permissions!: Permission[];
}

/** Absent fields stay as they are. */
export class UpdateRoleDto extends PartialType(CreateRoleDto, { skipNullProperties: false }) {}

export const CREATE_ROLE_EXAMPLE = {
  name: 'approver',
  description: 'Decides about releases',
  permissions: ['runs:read', 'runs:approve'],
};

setExample(Role, {
  id: 'role_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
  ...CREATE_ROLE_EXAMPLE,
  built_in: false,
  created_at: '2025-11-18T02:00:00.000Z',
  updated_at: '2025-11-18T02:00:00.000Z',
  revision: 1,
  request_id: 'req_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
});
