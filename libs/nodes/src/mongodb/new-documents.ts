import { Decimal128, type Document, Double, Int32, Long, ObjectId } from 'mongodb';
import { NodeError, type NodeContext } from '../node-kind.js';
import { checkedMark, type IncrementalRows, readAfter, tellMark } from '../source/incremental.js';

/** Which documents are new, and how far they go. */
export interface NewDocuments {
  /** A condition of theirs. */
  range: Document;
  /** The largest value that there is; undefined when there is none. */
  last?: string;
}

/** The first document in an order, of those that have a value of the key. */
export type FirstBy = (condition: Document, sort: Record<string, 1 | -1>) => Promise<Document | null>;

type Kind = 'numbers' | 'times' | 'texts' | 'ids';

/**
 * The documents that are new. The server compares values of one type only, and skips others without a word; but it sorts by
 * type first, so that the smallest and the largest tell whether there are others. @throws NodeError
 */
export async function newDocuments(
  context: NodeContext,
  firstBy: FirstBy,
): Promise<NewDocuments & { sample?: Document }> {
  const { column, inclusive = false } = context.config['incremental'] as IncrementalRows;
  const after = readAfter(context);
  tellMark(context, after);
  const there = { [column]: { $ne: null } };
  const sample = await firstBy(there, { [column]: -1 });
  if (!sample) return { range: there };
  const first = await firstBy(there, { [column]: 1 });
  const [smallest, largest] = [first?.[column] as unknown, sample[column] as unknown];
  const kind = kindOf(largest);
  if (kind === undefined || kindOf(smallest) !== kind) {
    const message = `incremental.column: '${column}' must have numbers only, times only, texts only or ObjectIds only`;
    throw new NodeError('InvalidConfig', message, false);
  }
  const last = checkedMark(column, textOf(largest));
  const range = {
    $lte: largest,
    ...(after !== undefined && { [inclusive ? '$gte' : '$gt']: valueOf(after, kind, largest, column) }),
  };
  return { range: { [column]: range }, last, sample };
}

function kindOf(value: unknown): Kind | undefined {
  if (typeof value === 'string') return 'texts';
  if (value instanceof Date) return 'times';
  if (value instanceof ObjectId) return 'ids';
  // A time stamp of the replication is a Long, too, but none of these.
  const classes = [Int32, Double, Decimal128] as const;
  const isNumber = typeof value === 'number' || classes.some((one) => value instanceof one);
  return isNumber || (value as { _bsontype?: string } | undefined)?._bsontype === 'Long'
    ? 'numbers'
    : undefined;
}

function textOf(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof ObjectId) return value.toHexString();
  if (value instanceof Int32 || value instanceof Double) return String(value.value);
  return String(value);
}

/** A mark as a value of the same kind. */
function valueOf(after: string, kind: Kind, like: unknown, column: string): unknown {
  const unfit = new NodeError('BadValue', `incremental: '${after}' is no value of '${column}'`, false);
  switch (kind) {
    case 'texts':
      return after;
    case 'ids':
      if (!/^[0-9a-f]{24}$/i.test(after)) throw unfit;
      return new ObjectId(after);
    case 'times': {
      const moment = /^\d{4}-\d\d-\d\d/.test(after) ? new Date(after) : undefined;
      if (moment === undefined || Number.isNaN(moment.getTime())) throw unfit;
      return moment;
    }
    case 'numbers':
      if (!/^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(after)) throw unfit;
      if (/^-?\d{1,18}$/.test(after)) return Long.fromString(after);
      // The server compares a double and a decimal by what they are exactly.
      if (like instanceof Double) return new Double(Number(after));
      try {
        return Decimal128.fromString(after);
      } catch {
        // More digits than it has.
        throw unfit;
      }
  }
}
