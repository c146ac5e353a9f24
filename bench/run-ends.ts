import { type ChangeStream } from 'mongodb';
import { once } from 'node:events';
import { type Tauro } from '../test/support/tauro.js';

/** When runs became terminal *durably*: a change stream tells only what a majority has stored. */
export class RunEnds {
  private readonly ended = new Map<string, { at: number; state: string }>();
  private readonly waiting = new Map<string, () => void>();

  private constructor(private readonly stream: ChangeStream) {
    stream.on('change', (change) => {
      if (change.operationType !== 'update') return;
      const id = String(change.documentKey._id);
      const { state } = change.updateDescription.updatedFields as { state: string };
      this.ended.set(id, { at: performance.now(), state });
      this.waiting.get(id)?.();
    });
  }

  static async watch(tauro: Tauro): Promise<RunEnds> {
    const terminal = { $in: ['SUCCESS', 'FAILED', 'CANCELLED'] };
    const stream = tauro.database
      .collection('pipeline_runs')
      .watch([{ $match: { 'updateDescription.updatedFields.state': terminal } }]);
    const ends = new RunEnds(stream);
    await Promise.race([once(stream, 'init'), once(stream, 'resumeTokenChanged')]);
    return ends;
  }

  /** The moment a run ended SUCCESS, by `performance.now()`. @throws when it ended otherwise. */
  async of(runId: string): Promise<number> {
    if (!this.ended.has(runId)) await new Promise<void>((done) => this.waiting.set(runId, done));
    const { at, state } = this.ended.get(runId)!;
    this.waiting.delete(runId);
    if (state !== 'SUCCESS') throw new Error(`${runId} ended ${state}`);
    return at;
  }

  close(): Promise<void> {
    return this.stream.close();
  }
}
