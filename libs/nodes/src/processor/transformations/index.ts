import { cast, derive, normalize, rename, select } from './columns.js';
import { aggregate, join, union } from './combine.js';
import { dropNulls, fillNull } from './nulls.js';
import { hash, mask } from './personal.js';
import { explode, pivot, split, unpivot } from './reshape.js';
import { deduplicate, filter, limit, sort } from './rows.js';
import { sample } from './sample.js';
import { type Transformation } from './transformation.js';
import { window } from './window.js';

const ALL: readonly Transformation[] = [
  ...[deduplicate, normalize, filter, select, rename, cast, derive, join, aggregate, sort, limit, union],
  ...[sample, fillNull, dropNulls, split, explode, pivot, unpivot, window, hash, mask],
];

/** Every transformation by its `type`. A new one is one name here. */
export const TRANSFORMATIONS: ReadonlyMap<string, Transformation> = new Map(
  ALL.map((transformation) => [transformation.type, transformation]),
);
