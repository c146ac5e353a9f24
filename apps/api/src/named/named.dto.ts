import { ApiProperty } from '@nestjs/swagger';
import { idPattern, NAME_PATTERN } from '@tauro/domain';
import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';

const PROJECT = idPattern('proj');

/** What can be changed of everything that templates or nodes call by a name. */
export class DescribedDto {
  @IsOptional()
  @MaxLength(4096)
  @IsString()
  description?: string | null;
}

/** What everything is created with that templates or nodes call by a name: a secret, a variable, a connection. */
export class NamedDto extends DescribedDto {
  /** What templates and nodes call it. Unique in its project, or among those of all projects. */
  @Matches(NAME_PATTERN, { message: `must match ${NAME_PATTERN.source}` })
  @IsString()
  name!: string;

  /** Absent or null: for all projects. */
  @ApiProperty({ type: String, pattern: PROJECT.source, nullable: true, required: false })
  @IsOptional()
  @Matches(PROJECT, { message: `must be an id such as proj_abc123 (${PROJECT.source})` })
  @IsString()
  project_id?: string | null;
}
