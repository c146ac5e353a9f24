import { Injectable } from '@nestjs/common';
import { type TaskState } from '@tauro/domain';
import { LRUCache } from 'lru-cache';
import { Collections } from './collections.js';

/** What this process knows for certain about one run. */
export interface RunFacts {
  /** The epoch of the store in which they were learnt. */
  epoch: number;
  /** Terminal states by node id. Terminal is final, so within an epoch a fact can never become false. */
  ended: Map<string, TaskState>;
  /**
   * For a node, the place among its parents of the first that was open when last looked at. All before it have
   * ended, so it only moves forward: each parent is passed once per run, however many finishes ask. As long as
   * that one is open nothing else needs to be asked, and whoever ends the last parent finds all of them ended.
   * No set or counter is stored that every finish would have to rewrite.
   */
  open: Map<string, number>;
}

/** Facts about the runs this process advances; forgetting one costs only look-ups. */
@Injectable()
export class RunFactsCache {
  private readonly runs = new LRUCache<string, RunFacts>({ max: 1000 });

  constructor(private readonly db: Collections) {}

  of(runId: string): RunFacts {
    let facts = this.runs.get(runId);
    // A primary that died may have taken with it what it had told us: then nothing is certain any more.
    if (facts?.epoch !== this.db.epoch) {
      facts = { epoch: this.db.epoch, ended: new Map(), open: new Map() };
      this.runs.set(runId, facts);
    }
    return facts;
  }

  forget(runId: string): void {
    this.runs.delete(runId);
  }
}
