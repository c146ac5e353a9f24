import { createHash } from 'node:crypto';
import { ObjectId } from 'mongodb';

const MAX_ROWS = 2 ** 32;

/** Ids of the rows of a task, the same in every attempt: what is there already is found, and nothing else is. */
export class RowIds {
  private readonly prefix: Buffer;

  constructor(taskId: string) {
    this.prefix = createHash('sha256').update(taskId).digest().subarray(0, 8);
  }

  of(row: number): ObjectId {
    if (row >= MAX_ROWS) throw new RangeError(`a task writes ${MAX_ROWS} documents at most`);
    const bytes = Buffer.alloc(12);
    this.prefix.copy(bytes);
    bytes.writeUInt32BE(row, 8);
    return new ObjectId(bytes);
  }

  /** Those of all rows, as a filter. */
  get all(): { _id: { $gte: ObjectId; $lte: ObjectId } } {
    return { _id: { $gte: this.of(0), $lte: this.of(MAX_ROWS - 1) } };
  }
}
