import { ApiProperty } from '@nestjs/swagger';
import {
  configFaults,
  type Environment,
  ENVIRONMENTS,
  idPattern,
  invalid,
  type JsonObject,
  NAME_PATTERN,
} from '@tauro/domain';
import { IsIn, IsObject, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { IfGiven } from '../http/given.js';
import { AnyJson } from '@tauro/database';

const PROJECT = idPattern('proj');

/** What is said with a change. */
class ReasonDto {
  /** Why, for the history. */
  @IsOptional()
  @MaxLength(4096)
  @IsString()
  reason?: string | null;
}

/** What a config is created with. */
export class CreateConfigDto extends ReasonDto {
  @Matches(PROJECT, { message: `must be an id such as proj_abc123 (${PROJECT.source})` })
  @IsString()
  project_id!: string;

  @ApiProperty({ enum: ENVIRONMENTS })
  @IsIn(ENVIRONMENTS)
  environment!: Environment;

  /** Unique in its project and environment without regard to case. */
  @Matches(NAME_PATTERN, { message: `must match ${NAME_PATTERN.source}` })
  @IsString()
  name!: string;

  @IsOptional()
  @MaxLength(4096)
  @IsString()
  description?: string | null;

  /** At most 256 KB. Secrets only as `{{ secrets.name }}`. */
  @ApiProperty({ type: 'object', additionalProperties: true })
  @IsObject()
  data!: JsonObject;
}

/** Absent fields stay as they are; `data` is replaced as a whole. */
export class UpdateConfigDto extends ReasonDto {
  @IsOptional()
  @MaxLength(4096)
  @IsString()
  description?: string | null;

  /** At most 256 KB. Secrets only as `{{ secrets.name }}`. */
  @ApiProperty({ type: 'object', additionalProperties: true, selfRequired: false })
  @IfGiven()
  @IsObject()
  data?: JsonObject;
}

/** Where a version is to go. */
export class PromoteDto extends ReasonDto {
  /** Another environment than the version's; the next one unless given. */
  @ApiProperty({ enum: ENVIRONMENTS, required: false })
  @IfGiven()
  @IsIn(ENVIRONMENTS)
  environment?: Environment;
}

/** Why a config goes back to an earlier version. */
export class RollbackDto extends ReasonDto {}

/** What is said with an approval or a rejection. */
export class PromotionDecisionDto {
  @IsOptional()
  @MaxLength(4096)
  @IsString()
  comment?: string | null;
}

/** One field that differs. */
export class ConfigDifference {
  /** Such as `db.host`; a list is compared as a whole. */
  field_path!: string;
  /** Null when it was added. */
  @AnyJson()
  old!: unknown;
  /** Null when it was removed. */
  @AnyJson()
  new!: unknown;
  change_type!: 'added' | 'removed' | 'changed';
}

/** What is different between two versions. */
export class ConfigComparison {
  from!: string;
  to!: string;
  /** Whether the data of both is the same. */
  equal!: boolean;
  changes!: ConfigDifference[];
}

/** @throws DomainError VALIDATION_ERROR that names each field that holds a secret in the clear. */
export function assertData(data: JsonObject): void {
  const faults = configFaults(data);
  if (faults.length > 0) throw invalid(faults.slice(0, 100));
}
