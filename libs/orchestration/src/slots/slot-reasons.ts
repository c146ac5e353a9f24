import { Injectable } from '@nestjs/common';
import { type Run, type Task } from '@tauro/database';
import { Collections } from '../collections.js';
import { type BoundBy, limitKey, type LimitRef } from './limit-ref.js';
import { RunAdmission } from './run-admission.js';
import { type SlotState, SlotTable } from './slot-table.js';

/** How far the queue of runs is counted. */
const COUNTED = 1000;

export const usedSlots = ({ holders }: SlotState): number =>
  holders.reduce((sum, { weight }) => sum + weight, 0);

/** What limits keep runs and tasks waiting, for those who ask why. */
@Injectable()
export class SlotReasons {
  constructor(
    private readonly db: Collections,
    private readonly table: SlotTable,
    private readonly admission: RunAdmission,
  ) {}

  /** Why started runs are not admitted yet, by id; one look at the queue for all of them. */
  async ofRuns(runs: Run[]): Promise<Map<string, string>> {
    const bound = runs
      .filter((run) => run.state === 'QUEUED')
      .map((run) => ({ run, limits: this.admission.limitsOf(run) }))
      .filter(({ limits }) => limits.length > 0);
    const reasons = new Map<string, string>();
    if (bound.length === 0) return reasons;
    const states = await this.table.read(bound.flatMap(({ limits }) => limits.map(({ ref }) => ref)));
    const waits = bound.filter(
      ({ run, limits }) =>
        !limits.every(({ ref }) => states.get(limitKey(ref))?.holders.some(({ id }) => id === run._id)),
    );
    if (waits.length === 0) return reasons;
    const holders = new Set([...states.values()].flatMap((state) => state.holders.map(({ id }) => id)));
    const queue = await this.db.runs
      .find({ state: 'QUEUED', 'engine.rank': { $exists: true }, cancel_requested_at: null })
      .sort({ 'engine.rank': 1, _id: 1 })
      .limit(COUNTED)
      .project<Pick<Run, '_id' | 'pipeline_id' | 'parent_run_id' | 'engine'>>({
        pipeline_id: 1,
        parent_run_id: 1,
        'engine.max_active_runs': 1,
        'engine.group': 1,
      })
      .toArray();
    const waiting = queue.filter(({ _id }) => !holders.has(_id));
    for (const { run, limits } of waits) {
      const slots = ({ ref, capacity }: BoundBy): number =>
        states.get(limitKey(ref))?.capacity ?? capacity ?? 0;
      const full = limits.find((one) => {
        const state = states.get(limitKey(one.ref));
        return !one.beyond && state !== undefined && usedSlots(state) >= slots(one);
      });
      if (!full) {
        reasons.set(run._id, 'is about to be admitted');
        continue;
      }
      const line = waiting.filter((one) =>
        this.admission.limitsOf(one).some(({ ref }) => limitKey(ref) === limitKey(full.ref)),
      );
      const place = line.findIndex(({ _id }) => _id === run._id);
      reasons.set(
        run._id,
        `${limitName(full.ref.kind, slots(full), run)} is reached, ${before(place, line.length)} before it`,
      );
    }
    return reasons;
  }

  /** The limits that QUEUED tasks may be waiting for, by key. */
  async ofTasks(tasks: Pick<Task, 'state' | 'engine'>[]): Promise<ReadonlyMap<string, SlotState>> {
    const waiting = tasks.filter((task) => task.state === 'QUEUED' && task.engine.dispatch === null);
    const pools = new Set(waiting.flatMap(({ engine }) => engine.pool ?? []));
    const refs: LimitRef[] = [...pools].map((id) => ({ kind: 'pool', id }));
    return refs.length > 0 ? this.table.read(refs) : new Map();
  }
}

function limitName(kind: LimitRef['kind'], capacity: number, run: Run): string {
  if (kind === 'deployment') return `MAX_CONCURRENT_RUNS of ${capacity}`;
  if (kind === 'pipeline') return `max_active_runs of ${capacity} of pipeline '${run.pipeline_name}'`;
  return `max_concurrency of ${capacity} of ${kind} '${run.engine.group!.id}'`;
}

function before(place: number, counted: number): string {
  if (place < 0) return `more than ${counted} runs are`;
  return place === 1 ? '1 run is' : `${place} runs are`;
}
