import { ApiProperty, ApiSchema, OmitType } from '@nestjs/swagger';
import { Task } from '@tauro/database';
import { idPattern, type JsonObject, MAX_RUN_SECONDS, NAME_PATTERN } from '@tauro/domain';
import { type CreateRun } from '@tauro/orchestration';
import {
  IsBoolean,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsPositive,
  IsString,
  Matches,
  Max,
  Min,
  Validate,
} from 'class-validator';
import { IfGiven } from '../http/given.js';
import { DeadlineRule, OneConfigRule, ParamsRule, TagsRule } from './run-input.js';

const PROJECT = idPattern('proj');
const CONFIG = idPattern('cfg');
const CONFIG_VERSION = idPattern('cfgv');
const PIPELINE = new RegExp(`${idPattern('pipe').source}|${NAME_PATTERN.source}`);

/** What a run is created with. */
export class CreateRunDto {
  @Matches(PROJECT, { message: `must be an id such as proj_abc123 (${PROJECT.source})` })
  @IsString()
  project_id!: string;

  /** An id, or a name: looked up in the project first, then among the discovered. */
  @Matches(PIPELINE, { message: 'must be the id or the name of a pipeline' })
  @IsString()
  pipeline_id!: string;

  /** What templates read as `{{ params.x }}`; at most 256 KB. */
  @IsOptional()
  @Validate(ParamsRule)
  @IsObject()
  params?: JsonObject;

  /** A config of the project, whose current version the run is pinned to; templates read it as `{{ config.x }}`. */
  @IfGiven()
  @Matches(CONFIG, { message: `must be an id such as cfg_abc123 (${CONFIG.source})` })
  @IsString()
  config_id?: string;

  /** A version of a config of the project, instead of `config_id`. */
  @IfGiven()
  @Validate(OneConfigRule)
  @Matches(CONFIG_VERSION, { message: `must be an id such as cfgv_abc123 (${CONFIG_VERSION.source})` })
  @IsString()
  config_version_id?: string;

  /** At most 50 strings to find the run by. */
  @IsOptional()
  @Validate(TagsRule)
  @IsObject()
  tags?: Record<string, string>;

  /** -100..100; higher is admitted and executed first. A point is worth an hour of waiting. */
  @IsOptional()
  @Max(100)
  @Min(-100)
  @IsInt()
  priority?: number;

  /** Seconds it may take from its first task on, then it FAILED; what its pipeline says unless given. */
  @IsOptional()
  @Max(MAX_RUN_SECONDS)
  @IsPositive()
  @IsNumber()
  timeout_seconds?: number;

  /** When it must have ended, started or not; then it FAILED. */
  @IsOptional()
  @ApiProperty({ format: 'date-time' })
  @Validate(DeadlineRule)
  @IsString()
  deadline?: string;

  /** Start it at once. */
  @IsOptional()
  @IsBoolean()
  start?: boolean;
}

/** What the engine makes of it. */
export const newRun = ({ params, tags, deadline, ...rest }: CreateRunDto, request_id: string): CreateRun => ({
  ...rest,
  params: params ?? {},
  tags: tags ?? {},
  deadline: deadline ? new Date(deadline) : null,
  request_id,
});

/** One node of one run. */
@ApiSchema({ name: 'Task' })
export class TaskView extends OmitType(Task, ['index']) {
  id!: string;

  /** Place among the items of a mapped node; absent for a node's own task. */
  index?: number;
}

/** A line of a run's log. */
@ApiSchema({ name: 'LogLine' })
export class LogLineDto {
  /** `seq` as text. */
  id!: string;
  /** Increases by one per line of the run; what `Last-Event-ID` means. */
  seq!: number;
  timestamp!: Date;
  level!: string;
  message!: string;
  task_id!: string | null;
  node_id!: string | null;
  attempt!: number | null;
}
