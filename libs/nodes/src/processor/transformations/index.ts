import { cast, derive, normalize, rename, select } from './columns.js';
import { aggregate, join, union } from './combine.js';
import { deduplicate, filter, limit, sort } from './rows.js';
import { type Transformation } from './transformation.js';

/** Every transformation by its `type`. A new one is one row here. */
export const TRANSFORMATIONS: ReadonlyMap<string, Transformation> = new Map(
  [deduplicate, normalize, filter, select, rename, cast, derive, join, aggregate, sort, limit, union].map(
    (transformation) => [transformation.type, transformation],
  ),
);
