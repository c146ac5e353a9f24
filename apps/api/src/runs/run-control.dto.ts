import { IsOptional, IsString, MaxLength } from 'class-validator';

/** Where a rerun begins. */
export class RerunDto {
  /** `failed` (what did not succeed), `start` (everything), or a node id: that node and all after it. */
  @IsOptional()
  @MaxLength(63)
  @IsString()
  from?: string;
}
