import { ApiProperty, PartialType } from '@nestjs/swagger';
import { type JsonObject, NAME_PATTERN } from '@tauro/domain';
import { Type } from 'class-transformer';
import {
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { NotificationSettingsDto } from '../notifications/settings.dto.js';

/** What a project is created with. */
export class CreateProjectDto {
  /** Unique without regard to case. */
  @Matches(NAME_PATTERN, { message: `must match ${NAME_PATTERN.source}` })
  @IsString()
  name!: string;

  @IsOptional()
  @MaxLength(4096)
  @IsString()
  description?: string;

  /** Whom to ask about it. */
  @IsOptional()
  @MaxLength(254)
  @IsString()
  owner?: string | null;

  /** Days that finished runs are kept, for runs created from now on; null for the deployment's default. */
  @IsOptional()
  @Max(36_500)
  @Min(0.001)
  @IsNumber()
  retention_days?: number | null;

  /** Who is told how its runs end; null or absent: nobody. Replaced as a whole. */
  @ApiProperty({ type: NotificationSettingsDto, nullable: true, required: false })
  @IsOptional()
  @ValidateNested()
  @IsObject()
  @Type(() => NotificationSettingsDto)
  notifications?: NotificationSettingsDto | null;

  /** Whatever the owner wants to keep beside the project. */
  @IsOptional()
  @IsObject()
  metadata?: JsonObject;
}

/** Absent fields stay as they are. */
export class UpdateProjectDto extends PartialType(CreateProjectDto, { skipNullProperties: false }) {}

export class DuplicateProjectDto {
  /** Name of the copy; `<name>_copy` unless given. */
  @IsOptional()
  @Matches(NAME_PATTERN, { message: `must match ${NAME_PATTERN.source}` })
  @IsString()
  name?: string;
}
