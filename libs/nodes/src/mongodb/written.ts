import { type Binary, type ClientSession, type Collection, type Db } from 'mongodb';

/** Kept beside the collections that are written to. */
const NAME = 'tauro_writes';
/** Entries are of use as long as an attempt may be repeated. */
const KEPT_MS = 30 * 24 * 3600 * 1000;

interface Entry {
  /** Of the task. */
  _id: string;
  written_at: Date;
  /** The collection that was filled and is to take the name of the target: it has done so if that is now this one. */
  collection?: Binary;
}

/** What tells of tasks whether their rows are there. */
export class Writes {
  private readonly entries: Collection<Entry>;

  constructor(
    private readonly db: Db,
    private readonly taskId: string,
  ) {
    this.entries = db.collection<Entry>(NAME);
  }

  /** Whether an attempt of this task has written everything. */
  async has(target: string): Promise<boolean> {
    const entry = await this.entries.findOne({ _id: this.taskId });
    if (!entry) return false;
    if (entry.collection === undefined) return true;
    const there = await this.uuidOf(target);
    return there !== undefined && there.toString('hex') === entry.collection.toString('hex');
  }

  /** Notes that the rows are there, in a transaction when they are part of one. */
  async note(session?: ClientSession): Promise<void> {
    await this.entries.replaceOne(
      { _id: this.taskId },
      { written_at: new Date() },
      { upsert: true, ...(session && { session }) },
    );
  }

  /** Notes which collection is about to become the target. */
  async noteFilled(name: string): Promise<void> {
    await this.entries.replaceOne(
      { _id: this.taskId },
      { written_at: new Date(), collection: (await this.uuidOf(name))! },
      { upsert: true },
    );
  }

  async forgetOld(): Promise<void> {
    await this.entries.deleteMany({ written_at: { $lt: new Date(Date.now() - KEPT_MS) } });
  }

  private async uuidOf(name: string): Promise<Binary | undefined> {
    const [found] = await this.db.listCollections({ name }).toArray();
    return (found as { info?: { uuid?: Binary } } | undefined)?.info?.uuid;
  }
}
