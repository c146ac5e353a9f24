import { Injectable } from '@nestjs/common';
import { type Task } from '@tauro/database';
import { isTerminalTask, type Json, type TableRef, type TaskState } from '@tauro/domain';
import { LRUCache } from 'lru-cache';
import { Collections } from './collections.js';

/** What a node that has ended left behind. */
export interface NodeOutcome {
  state: TaskState;
  output: Json;
  table: TableRef | null;
}

/** Characters of outputs to remember. */
const MOST_CHARS = 16_000_000;

/**
 * How nodes of runs ended, and what they left. Terminal is final, so a process reads it once: a node with a thousand after
 * it is not read a thousand times. Forgetting it costs only a look-up.
 */
@Injectable()
export class NodeOutcomes {
  private readonly known = new LRUCache<string, NodeOutcome>({
    maxSize: MOST_CHARS,
    sizeCalculation: ({ output }) => JSON.stringify(output).length + 200,
  });
  /** In which they were learnt: what was seen before an interruption of the database may have been undone. */
  private epoch = 0;

  constructor(private readonly db: Collections) {}

  /** This process has ended or read it, in this epoch. */
  learn(epoch: number, runId: string, nodeId: string, outcome: NodeOutcome): void {
    if (epoch !== this.db.epoch || !isTerminalTask(outcome.state)) return;
    if (this.epoch !== epoch) this.known.clear();
    this.epoch = epoch;
    this.known.set(`${runId} ${nodeId}`, outcome);
  }

  /** By node id; those of nodes that have not ended are as they stand. */
  async of(runId: string, nodeIds: string[]): Promise<Map<string, NodeOutcome>> {
    const { epoch } = this.db;
    const outcomes = new Map<string, NodeOutcome>();
    for (const id of nodeIds) {
      const known = epoch === this.epoch ? this.known.get(`${runId} ${id}`) : undefined;
      if (known) outcomes.set(id, known);
    }
    const asked = nodeIds.filter((id) => !outcomes.has(id));
    if (asked.length === 0) return outcomes;
    const tasks = await this.db.tasks
      .find({ run_id: runId, node_id: { $in: asked }, index: null })
      .project<Pick<Task, 'node_id' | 'state' | 'output' | 'engine'>>({
        node_id: 1,
        state: 1,
        output: 1,
        'engine.artifact': 1,
      })
      .toArray();
    for (const { node_id, state, output, engine } of tasks) {
      const outcome = { state, output, table: engine.artifact };
      outcomes.set(node_id, outcome);
      this.learn(epoch, runId, node_id, outcome);
    }
    return outcomes;
  }
}
