import { type CheckKind } from './check.js';
import { acceptedValues, notNull, range, regex, unique } from './columns.js';
import { sql } from './sql.js';
import { freshness, rowCount } from './tables.js';

const ALL: readonly CheckKind[] = [notNull, unique, range, regex, acceptedValues, rowCount, freshness, sql];

/** Every kind of check by its `type`. A new one is one name here. */
export const CHECKS: ReadonlyMap<string, CheckKind> = new Map(ALL.map((kind) => [kind.type, kind]));
