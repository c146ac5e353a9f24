import { PartialType } from '@nestjs/swagger';
import { type JsonObject, NAME_PATTERN } from '@tauro/domain';
import { IsObject, IsOptional, IsString, Matches, MaxLength } from 'class-validator';

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
