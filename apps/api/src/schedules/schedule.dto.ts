import { ApiProperty, ApiSchema, OmitType, PartialType } from '@nestjs/swagger';
import {
  idPattern,
  type JsonObject,
  MAX_RUN_SECONDS,
  MISFIRES,
  type Misfire,
  NAME_PATTERN,
  type Overlap,
  OVERLAPS,
  type TimingKind,
  TIMING_KINDS,
} from '@tauro/domain';
import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsPositive,
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
import { NotificationSettingsDto } from '../notifications/settings.dto.js';
import { ParamsRule, TagsRule } from '../runs/run-input.js';
import { InstantRule, KindRule, TimingRule } from './schedule-input.js';

const PROJECT = idPattern('proj');
const PIPELINE = new RegExp(`${idPattern('pipe').source}|${NAME_PATTERN.source}`);
const MAX_SECONDS = 366 * 86_400;
/** Most runs of one schedule or backfill at once. */
export const MAX_CONCURRENCY = 10_000;

/** What becomes of slots that passed while the schedule was disabled; nothing unless given. */
export class OnEnableDto {
  /** `none`: they are skipped; `last`: only the last one runs; `all`: each runs, or one run for all with `coalesce`. */
  @IfGiven()
  @IsIn(MISFIRES)
  misfire?: Misfire;

  /** Slots that passed longer ago are skipped; null for no bound. */
  @IsOptional()
  @Max(MAX_SECONDS)
  @IsPositive()
  @IsNumber()
  misfire_window_seconds?: number | null;

  /** Make one run of several. */
  @IfGiven()
  @IsBoolean()
  coalesce?: boolean;
}

/** How slots are turned into runs; may stand in `config` as well. */
class SlotPolicyDto {
  /**
   * Which slots that no worker took within 60 seconds are made up for. `none`: they are skipped; `last`: only the
   * last one runs; `all`: each runs, or one run for all with `coalesce`.
   */
  @IfGiven()
  @IsIn(MISFIRES)
  misfire?: Misfire;

  /** Slots that were missed longer ago are skipped; null for no bound. */
  @IsOptional()
  @Max(MAX_SECONDS)
  @IsPositive()
  @IsNumber()
  misfire_window_seconds?: number | null;

  /** Make one run, about the data of all, of several slots that were missed; SCHEDULER_COALESCE unless given. */
  @IfGiven()
  @IsBoolean()
  coalesce?: boolean;

  /** Most of its runs at once; SCHEDULER_MAX_INSTANCES unless given. */
  @IfGiven()
  @Max(MAX_CONCURRENCY)
  @Min(1)
  @IsInt()
  max_concurrency?: number;

  /** What becomes of a slot while as many are under way: it is skipped, waits its turn, or replaces the oldest. */
  @IfGiven()
  @IsIn(OVERLAPS)
  overlap?: Overlap;

  /** A run starts up to so many seconds after its slot: always the same for a slot, and spread over schedules. */
  @IfGiven()
  @Max(86_400)
  @Min(0)
  @IsNumber()
  jitter_seconds?: number;
}

/** What applies to the runs of a schedule. */
@ApiSchema({ name: 'ScheduleConfigInput' })
export class ScheduleConfigDto extends SlotPolicyDto {
  /** Seconds that each run may take; what its pipeline says unless given. */
  @IsOptional()
  @Max(MAX_RUN_SECONDS)
  @IsPositive()
  @IsNumber()
  timeout_seconds?: number | null;

  /** False: tasks without a `retry_policy` of their own are attempted once. */
  @IfGiven()
  @IsBoolean()
  retry_on_failure?: boolean;

  /** Who is told how its runs ended; null for nobody. */
  @ApiProperty({ type: NotificationSettingsDto, nullable: true, required: false })
  @IsOptional()
  @ValidateNested()
  @IsObject()
  @Type(() => NotificationSettingsDto)
  notifications?: NotificationSettingsDto | null;
}

/** What a schedule is created with. */
export class CreateScheduleDto extends SlotPolicyDto {
  @Matches(PROJECT, { message: `must be an id such as proj_abc123 (${PROJECT.source})` })
  @IsString()
  project_id!: string;

  /** An id, or a name: looked up in the project first, then among the discovered. */
  @Matches(PIPELINE, { message: 'must be the id or the name of a pipeline' })
  @IsString()
  pipeline_id!: string;

  /** `CRON` or `INTERVAL`. */
  @ApiProperty({ enum: TIMING_KINDS })
  @Validate(KindRule)
  @IsString()
  kind!: TimingKind;

  /**
   * CRON: 5 fields, or 6 with seconds first, with names, ranges, steps, lists, `L` and `#`, or a macro such as
   * `@daily`. INTERVAL: `15s`, `30m`, `2h`, `1d`, `1w`, or a sum such as `1h30m`.
   */
  @Validate(TimingRule)
  @MaxLength(200)
  @MinLength(1)
  @IsString()
  expression!: string;

  /** True unless given. */
  @IfGiven()
  @IsBoolean()
  enabled?: boolean;

  /** IANA name; SCHEDULER_TIMEZONE unless given. */
  @IfGiven()
  @Validate(TimingRule)
  @MaxLength(64)
  @IsString()
  timezone?: string;

  @IfGiven()
  @MaxLength(4096)
  @IsString()
  description?: string;

  /** Of every run; at most 256 KB. */
  @IfGiven()
  @Validate(ParamsRule)
  @IsObject()
  params?: JsonObject;

  /** Of every run, beside `triggered_by`. */
  @IfGiven()
  @Validate(TagsRule)
  @IsObject()
  tags?: Record<string, string>;

  @IfGiven()
  @ValidateNested()
  @IsObject()
  @Type(() => ScheduleConfigDto)
  config?: ScheduleConfigDto;

  /** No slot before it; what an INTERVAL counts from. ISO 8601. */
  @IsOptional()
  @ApiProperty({ format: 'date-time', nullable: true, required: false, type: String })
  @Validate(TimingRule)
  @Validate(InstantRule)
  @IsString()
  start_at?: string | null;

  /** No slot after it. ISO 8601. */
  @IsOptional()
  @ApiProperty({ format: 'date-time', nullable: true, required: false, type: String })
  @Validate(TimingRule)
  @Validate(InstantRule)
  @IsString()
  end_at?: string | null;

  @IfGiven()
  @ValidateNested()
  @IsObject()
  @Type(() => OnEnableDto)
  on_enable?: OnEnableDto;
}

/** Absent fields stay as they are, also those of `config` and `on_enable`. */
export class UpdateScheduleDto extends PartialType(OmitType(CreateScheduleDto, ['project_id']), {
  skipNullProperties: false,
}) {}

/** What a run by hand is started with. */
export class TriggerDto {
  /** Over those of the schedule. */
  @IfGiven()
  @Validate(ParamsRule)
  @IsObject()
  params?: JsonObject;
}

/** An expression to look at, without storing anything. */
export class PreviewDto {
  @ApiProperty({ enum: TIMING_KINDS })
  @Validate(KindRule)
  @IsString()
  kind!: TimingKind;

  @Validate(TimingRule)
  @MaxLength(200)
  @MinLength(1)
  @IsString()
  expression!: string;

  /** IANA name; SCHEDULER_TIMEZONE unless given. */
  @IfGiven()
  @Validate(TimingRule)
  @MaxLength(64)
  @IsString()
  timezone?: string;

  @IfGiven()
  @Max(1000)
  @Min(1)
  @IsInt()
  count?: number;

  /** Only slots after it; now unless given. ISO 8601. */
  @IfGiven()
  @ApiProperty({ format: 'date-time' })
  @Validate(InstantRule)
  @IsString()
  from?: string;
}

/** When a schedule will be due. */
export class NextSlot {
  scheduled_for!: Date;
}
