import { type NodeContext } from '../node-kind.js';
import { checkedMark, readAfter, tellMark } from './incremental.js';

/** What is known of a file before it is read. */
export interface FileState {
  /** Its name, as the node's config names such files. */
  key: string;
  /** When it was last modified, as text that sorts. */
  modified: string;
}

/** Files that are new, and the mark after them. */
export interface NewFiles<F> {
  files: F[];
  /** Absent when nothing is new. */
  mark?: string;
  /** There when nothing is new: of the one file that is given only the columns are wanted, for what comes after. */
  keep?: (query: string) => string;
}

/**
 * Of all files that a source names those that are new, in the order in which they came; all of them, in their own order,
 * when it is not incremental. Two files of one moment go by their names, so that none is left out between two runs.
 */
export function newFiles<F>(
  context: NodeContext,
  files: readonly F[],
  stateOf: (file: F) => FileState,
): NewFiles<F> {
  const { mark } = context;
  if (mark === undefined) return { files: [...files] };
  const after = readAfter(context);
  tellMark(context, after);
  const placed = files
    .map((file) => ({ file, place: placeOf(mark.by, stateOf(file)) }))
    .sort((one, two) => compare(one.place, two.place));
  const found = placed.filter(({ place }) => after === undefined || compare(place, after) > 0);
  const last = found.at(-1);
  if (last) return { files: found.map(({ file }) => file), mark: checkedMark(mark.by, last.place) };
  context.log('INFO', 'nothing is new');
  return {
    files: placed.slice(-1).map(({ file }) => file),
    keep: (query) => `SELECT * FROM (${query}) LIMIT 0`,
  };
}

const placeOf = (by: string, { key, modified }: FileState): string =>
  by === 'key' ? key : `${modified} ${key}`;

/** By code units, whatever the language of the machine. */
const compare = (one: string, two: string): number => (one < two ? -1 : one > two ? 1 : 0);
