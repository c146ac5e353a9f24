import { ApiProperty, PartialType } from '@nestjs/swagger';
import { ApiKey } from '@tauro/database';
import { ALL_PERMISSIONS, idPattern, NAME_PATTERN, type Permission } from '@tauro/domain';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  Validate,
  type ValidationArguments,
} from 'class-validator';
import { IfGiven } from '../../http/given.js';
import { deadlineFault, DeadlineRule } from '../../runs/run-input.js';

const PROJECT = idPattern('proj');
const MOST = 100;
const WEEK_SECONDS = 7 * 86_400;

/** What a key is made with. */
export class CreateKeyDto {
  /** What it is for; need not be unique. */
  @MaxLength(254)
  @MinLength(1)
  @IsString()
  name!: string;

  /** `viewer`, `operator`, `developer`, `admin`, or roles of `/roles`. None unless given. */
  @IfGiven()
  @Matches(NAME_PATTERN, { each: true, message: 'must be names of roles' })
  @ArrayMaxSize(MOST)
  @IsArray()
  roles?: string[];

  /** What it may do besides what its roles allow. None unless given. */
  @ApiProperty({ type: 'array', items: { type: 'string', enum: ALL_PERMISSIONS }, required: false })
  @IfGiven()
  @IsIn(ALL_PERMISSIONS, { each: true, message: `must be of ${ALL_PERMISSIONS.join(', ')}` })
  @ArrayMaxSize(MOST)
  @IsArray()
  permissions?: Permission[];

  /** Confines it to these projects. Null or absent: not. */
  @ApiProperty({
    type: 'array',
    items: { type: 'string', pattern: PROJECT.source },
    minItems: 1,
    maxItems: MOST,
    nullable: true,
    required: false,
  })
  @IsOptional()
  @Matches(PROJECT, { each: true, message: `must be ids such as proj_abc123 (${PROJECT.source})` })
  @ArrayMaxSize(MOST)
  @ArrayMinSize(1, { message: 'must name a project, or be null for all of them' })
  @IsArray()
  project_ids?: string[] | null;

  /** Null or absent: never; but a key that ends makes none that outlive it. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, required: false })
  @IsOptional()
  @Validate(DeadlineRule, {
    message: ({ value }: ValidationArguments) => `expires_at${deadlineFault(value)}`,
  })
  expires_at?: string | null;
}

/** Absent fields stay as they are. */
export class UpdateKeyDto extends PartialType(CreateKeyDto, { skipNullProperties: false }) {}

export class RotateKeyDto {
  /** For how long the secret before counts as well; 0 unless given: it ends at once. */
  @IfGiven()
  @Max(WEEK_SECONDS)
  @Min(0)
  @IsInt()
  overlap_seconds?: number;
}

/** A key, and its secret, which is shown only this once. */
export class KeyWithSecret extends ApiKey {
  /** What is sent as `X-API-Key`. */
  secret!: string;
}
