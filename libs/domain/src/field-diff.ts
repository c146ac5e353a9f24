/** One field that is not the same in two versions of something. */
export interface FieldDifference {
  /** Such as `db.host`; a list is compared as a whole. */
  field_path: string;
  /** Null when it was added. */
  old: unknown;
  /** Null when it was removed. */
  new: unknown;
  change_type: 'added' | 'removed' | 'changed';
}

type Fields = Record<string, unknown>;

/** What changed from one object to another, field by field, in the order of their fields. */
export const fieldDiff = (old: Fields, latest: Fields): FieldDifference[] => [
  ...differences(old, latest, []),
];

function* differences(old: Fields, latest: Fields, path: string[]): Generator<FieldDifference> {
  for (const key of new Set([...Object.keys(old), ...Object.keys(latest)])) {
    const [a, b] = [old[key], latest[key]];
    if (isObject(a) && isObject(b)) yield* differences(a, b, [...path, key]);
    else if (JSON.stringify(a) !== JSON.stringify(b)) yield difference([...path, key].join('.'), a, b);
  }
}

function difference(field_path: string, old: unknown, latest: unknown): FieldDifference {
  const change_type = old === undefined ? 'added' : latest === undefined ? 'removed' : 'changed';
  return { field_path, old: old ?? null, new: latest ?? null, change_type };
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
