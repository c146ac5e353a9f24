import { ApiProperty, OmitType, PartialType } from '@nestjs/swagger';
import { Trigger } from '@tauro/database';
import {
  idPattern,
  type JsonObject,
  MAX_AFTER,
  NAME_PATTERN,
  TRIGGER_ENDS,
  TRIGGER_KINDS,
  type TriggerEnd,
  type TriggerKind,
} from '@tauro/domain';
import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  Validate,
  ValidateNested,
} from 'class-validator';
import { IfGiven } from '../http/given.js';
import { AtMost } from '../notifications/settings.rules.js';
import { ParamsRule, TagsRule } from '../runs/run-input.js';
import { MappingRule } from './trigger.rules.js';

const PROJECT = idPattern('proj');
const PIPELINE = new RegExp(`${idPattern('pipe').source}|${NAME_PATTERN.source}`);
/** At most so many calls within a window of that length, which begins with a call. */
export class CallLimitDto {
  @Max(100_000)
  @Min(1)
  @IsInt()
  calls!: number;

  @Max(86_400)
  @Min(1)
  @IsNumber()
  per_seconds!: number;
}

/** What a trigger is created with. */
export class CreateTriggerDto {
  @Matches(PROJECT, { message: `must be an id such as proj_abc123 (${PROJECT.source})` })
  @IsString()
  project_id!: string;

  /** What it starts: an id, or a name, which is looked up in the project first, then among the discovered. */
  @Matches(PIPELINE, { message: 'must be the id or the name of a pipeline' })
  @IsString()
  pipeline_id!: string;

  /** `PIPELINE`: the end of runs of other pipelines; `WEBHOOK`: a call to `/hooks/{token}`. */
  @ApiProperty({ enum: TRIGGER_KINDS })
  @IsIn(TRIGGER_KINDS)
  kind!: TriggerKind;

  /** True unless given. */
  @IfGiven()
  @IsBoolean()
  enabled?: boolean;

  @IfGiven()
  @MaxLength(4096)
  @IsString()
  description?: string;

  /**
   * Of its runs. Templates may name the run that ended (`{{ run.params.day }}`, `{{ run.outputs.rows }}`,
   * `{{ run.scheduled_for }}`), or what was sent (`{{ body.order.id }}`, `{{ headers.x-github-event }}`).
   */
  @IfGiven()
  @Validate(ParamsRule)
  @IsObject()
  params?: JsonObject;

  /** Of its runs, beside `triggered_by`. */
  @IfGiven()
  @Validate(TagsRule)
  @IsObject()
  tags?: Record<string, string>;

  /**
   * PIPELINE, needed: a pipeline by its id or name, or at most 20 of them. After one, each run that ends so starts a
   * run; after several, one starts as soon as each of them has a new one.
   */
  @ApiProperty({
    required: false,
    oneOf: [
      { type: 'string', pattern: PIPELINE.source },
      {
        type: 'array',
        minItems: 1,
        maxItems: MAX_AFTER,
        items: { type: 'string', pattern: PIPELINE.source },
      },
    ],
  })
  @IfGiven()
  @Matches(PIPELINE, { each: true, message: 'must be the id or the name of a pipeline, or a list of these' })
  @AtMost(MAX_AFTER)
  after?: string | string[];

  /** PIPELINE: which ends of runs count; `success` unless given. `done` is either; a cancelled run never counts. */
  @ApiProperty({ enum: TRIGGER_ENDS, required: false })
  @IfGiven()
  @IsIn(TRIGGER_ENDS)
  on?: TriggerEnd;

  /**
   * WEBHOOK: what is taken from a call, over `params`: templates over `body` and `headers`. Null: each field of the body
   * is a param.
   */
  @IsOptional()
  @Validate(MappingRule)
  @IsObject()
  params_mapping?: JsonObject | null;

  /** WEBHOOK: more calls are answered 429; 60 in 60 seconds unless given, null for no limit. */
  @ApiProperty({ type: CallLimitDto, nullable: true, required: false })
  @IsOptional()
  @ValidateNested()
  @IsObject()
  @Type(() => CallLimitDto)
  rate_limit?: CallLimitDto | null;

  /** WEBHOOK: calls must be signed with it. It is never shown; null: the token is enough. Needs a `SECRET_KEY`. */
  @ApiProperty({ type: String, nullable: true, required: false, minLength: 8, maxLength: 500 })
  @IsOptional()
  @MaxLength(500)
  @MinLength(8)
  @IsString()
  secret?: string | null;

  /** WEBHOOK: make up a secret, and show it once. */
  @IfGiven()
  @IsBoolean()
  generate_secret?: boolean;
}

/** Absent fields stay as they are. */
export class UpdateTriggerDto extends PartialType(
  OmitType(CreateTriggerDto, ['project_id', 'kind', 'generate_secret']),
  { skipNullProperties: false },
) {}

/** What is changed beside the token. */
export class RotateTriggerDto {
  /** Make up another secret as well. */
  @IfGiven()
  @IsBoolean()
  generate_secret?: boolean;
}

/** A trigger, and what is shown of it only this once. */
export class TriggerWithToken extends Trigger {
  /** The secret part of its address; null for a PIPELINE. */
  @ApiProperty({ type: String, nullable: true })
  token!: string | null;

  /** Where it is called: `POST` this path. */
  @ApiProperty({ type: String, nullable: true })
  path!: string | null;

  /** The secret that was made up; null when none was. */
  @ApiProperty({ type: String, nullable: true })
  secret!: string | null;
}
