import { Injectable } from '@nestjs/common';
import { type TaskState } from '@tauro/domain';
import { LRUCache } from 'lru-cache';
import { Collections } from './collections.js';

/** What this process knows for certain about one run. */
export interface RunFacts {
  /** The epoch of the store in which they were learnt. */
  epoch: number;
  /** Terminal states by node id, and by `node[index]` for items. Terminal is final, so within an epoch a fact can never become false. */
  ended: Map<string, TaskState>;
  /**
   * For a node, the place among its parents of the first that was open when last looked at. All before it have
   * ended, so it only moves forward: each parent is passed once per run, however many finishes ask. As long as
   * that one is open nothing else needs to be asked, and whoever ends the last parent finds all of them ended.
   * No set or counter is stored that every finish would have to rewrite.
   */
  open: Map<string, number>;
  /** For a mapped node, how many items it has. */
  expanded: Map<string, number>;
}

/**
 * Whether all that `waiter` waits for have ended, asking only for what is not known.
 * @param keyAt what `facts.ended` calls the one at a place. @param learn adds those at these places that have.
 */
export async function allEnded(
  facts: RunFacts,
  waiter: string,
  { length, keyAt }: { length: number; keyAt: (place: number) => string },
  learn: (places: number[]) => Promise<void>,
): Promise<boolean> {
  let open = facts.open.get(waiter) ?? 0;
  // Asks for one, then for twice as many as long as all of them turn out to have ended, so that over a whole run
  // no more is asked than there are parents and finishes.
  for (let ask = 1; ; ask *= 2) {
    while (open < length && facts.ended.has(keyAt(open))) open++;
    facts.open.set(waiter, open);
    if (open === length) return true;
    const asked: number[] = [];
    for (let place = open; place < Math.min(open + ask, length); place++) {
      if (!facts.ended.has(keyAt(place))) asked.push(place);
    }
    await learn(asked);
    if (!facts.ended.has(keyAt(open))) return false;
  }
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
      facts = { epoch: this.db.epoch, ended: new Map(), open: new Map(), expanded: new Map() };
      this.runs.set(runId, facts);
    }
    return facts;
  }

  forget(runId: string): void {
    this.runs.delete(runId);
  }
}
