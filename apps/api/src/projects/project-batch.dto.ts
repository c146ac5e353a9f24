import { ApiProperty } from '@nestjs/swagger';
import { idPattern } from '@tauro/domain';
import { IsBoolean, IsInt, IsString, Matches, Min } from 'class-validator';
import { BatchDto, BatchIds, BatchItems, MAX_BATCH } from '../http/batch/batch.dto.js';
import { IfGiven } from '../http/given.js';
import { CreateProjectDto, UpdateProjectDto } from './project.dto.js';

const PROJECT = idPattern('proj');

/** Projects to create together. */
export class CreateProjectsDto extends BatchDto {
  @ApiProperty({ type: [CreateProjectDto], minItems: 1, maxItems: MAX_BATCH })
  @BatchItems()
  projects!: object[];
}

/** A change of one project; absent fields stay as they are. */
export class ProjectChangeDto extends UpdateProjectDto {
  @Matches(PROJECT, { message: `must be an id such as proj_abc123 (${PROJECT.source})` })
  @IsString()
  id!: string;

  /** The revision that the change was made for; refused (412) when it is not the current one. */
  @IfGiven()
  @Min(1)
  @IsInt()
  revision?: number;
}

/** Changes to make together, at most one of each project. */
export class UpdateProjectsDto extends BatchDto {
  @ApiProperty({ type: [ProjectChangeDto], minItems: 1, maxItems: MAX_BATCH })
  @BatchItems()
  projects!: object[];
}

/** Projects to delete together. */
export class DeleteProjectsDto extends BatchDto {
  @BatchIds('proj')
  ids!: string[];

  /** Cancel active runs, and delete enabled schedules and triggers, instead of refusing. */
  @IfGiven()
  @IsBoolean()
  force?: boolean;
}
