import { Injectable } from '@nestjs/common';
import { type TaskState } from '@tauro/domain';
import { LRUCache } from 'lru-cache';

/** What this process knows for certain about one run. */
export interface RunFacts {
  /** Terminal states by node id. Terminal is final, so a fact once learnt can never become false. */
  ended: Map<string, TaskState>;
  /**
   * For a node with unknown parents, one that was not terminal when last looked at. As long as it is not,
   * nothing else needs to be asked; whoever ends the last parent finds all of them terminal. That keeps a join
   * of 1,000 parents at one look-up per finish, without a set or counter that every finish would rewrite.
   */
  watched: Map<string, string>;
}

/** Facts about the runs this process advances; forgetting one costs only look-ups. */
@Injectable()
export class RunFactsCache {
  private readonly runs = new LRUCache<string, RunFacts>({ max: 1000 });

  of(runId: string): RunFacts {
    let facts = this.runs.get(runId);
    if (!facts) this.runs.set(runId, (facts = { ended: new Map(), watched: new Map() }));
    return facts;
  }

  forget(runId: string): void {
    this.runs.delete(runId);
  }
}
