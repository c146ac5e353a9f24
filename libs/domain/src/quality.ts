import { type JsonObject } from './pipeline.js';

/** What a check of a table's rows may look at. */
export const CHECK_TYPES = [
  'not_null',
  'unique',
  'range',
  'regex',
  'accepted_values',
  'row_count',
  'freshness',
  'sql',
] as const;
export type CheckType = (typeof CHECK_TYPES)[number];

/** What a check that does not hold brings about: a line in the log, rows that leave the table, or the task's failure. */
export const CHECK_SEVERITIES = ['warn', 'quarantine', 'fail'] as const;
export type CheckSeverity = (typeof CHECK_SEVERITIES)[number];

/** What one check of a table has found. */
export interface CheckResult {
  /** Its name, unique among those of its node. */
  check: string;
  type: CheckType;
  severity: CheckSeverity;
  passed: boolean;
  /** Rows that do not fit; null for a check that looks at the table as a whole. */
  failed_rows: number | null;
  total_rows: number;
  /** What it found, in words. */
  message: string;
  /** Some of what does not fit: few, and long values are cut. */
  samples: JsonObject[];
}
