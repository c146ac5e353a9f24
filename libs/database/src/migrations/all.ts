import { migration001 } from './001_collections.js';
import { migration002 } from './002_indexes.js';
import { migration003 } from './003_run_counts.js';
import { migration004 } from './004_configs_and_keys.js';
import { migration005 } from './005_access.js';
import { migration006 } from './006_secrets.js';
import { migration007 } from './007_audit.js';
import { migration008 } from './008_variables.js';
import { migration009 } from './009_connections.js';
import { migration010 } from './010_quality_results.js';
import { migration011 } from './011_datasets.js';
import { migration012 } from './012_source_marks.js';
import { migration013 } from './013_active_runs.js';
import { migration014 } from './014_slot_ranges.js';
import { type Migration } from './migration.js';

/** Every migration in its order. `npm run migrate -- create` adds to it. */
export const MIGRATIONS: readonly Migration[] = [
  migration001,
  migration002,
  migration003,
  migration004,
  migration005,
  migration006,
  migration007,
  migration008,
  migration009,
  migration010,
  migration011,
  migration012,
  migration013,
  migration014,
];
