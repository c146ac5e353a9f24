import { Injectable } from '@nestjs/common';
import { type TaskState } from '@tauro/domain';
import { LRUCache } from 'lru-cache';

/** What this process knows for certain about one run. */
export interface RunFacts {
  /** Terminal states by node id. Terminal is final, so a fact once learnt can never become false. */
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

  of(runId: string): RunFacts {
    let facts = this.runs.get(runId);
    if (!facts) this.runs.set(runId, (facts = { ended: new Map(), open: new Map() }));
    return facts;
  }

  forget(runId: string): void {
    this.runs.delete(runId);
  }
}
