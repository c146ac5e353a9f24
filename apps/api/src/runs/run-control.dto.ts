import { IsOptional, IsString, MaxLength } from 'class-validator';

/** What is said with an approval or a rejection. */
export class DecisionDto {
  /** Why. */
  @IsOptional()
  @MaxLength(4096)
  @IsString()
  comment?: string | null;

  /** Who decides; shown in the task's output and in the log. While authentication is on it is the name of the caller's key. */
  @IsOptional()
  @MaxLength(254)
  @IsString()
  by?: string | null;
}

/** Where a rerun begins. */
export class RerunDto {
  /**
   * `failed` (what did not succeed, and all after it), `start` (everything), or a node id: that node and all after
   * it, and what did not succeed elsewhere. The last two take nothing from the cache.
   */
  @IsOptional()
  @MaxLength(63)
  @IsString()
  from?: string;
}
