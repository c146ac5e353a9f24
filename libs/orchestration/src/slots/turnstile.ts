import { type Bound, limitKey, type LimitRef, limitsRuns } from './limit-ref.js';
import { planAdmission } from './plan.js';
import { type SlotState, type SlotTable } from './slot-table.js';

/** Most that are looked at together. */
const BATCH = 100;

/** Where those are kept who wait, and what is done with those who may go in. */
export interface Line<T extends Bound> {
  /** The first in a limit's queue, in order, without those whom one of the limits in `full` keeps out. */
  waiting(ref: LimitRef, state: SlotState, full: readonly LimitRef[], max: number): Promise<T[]>;
  /** Limits in whose queues those stand who need this one besides. */
  beyond(ref: LimitRef): Promise<LimitRef[]>;
  admit(these: T[]): Promise<void>;
  /** The limit has room, but lets nobody in for some time. */
  later(ref: LimitRef, state: SlotState): Promise<void>;
}

const EMPTY: SlotState = { holders: [], refused: 0, settled: 0 };
const ownLimit = (one: Bound): LimitRef => one.limits.at(-1)!.ref;

/**
 * Lets in as many as the limits allow, in the order of the queue. A newcomer goes straight in when there is room
 * and nobody waits, which costs one write; otherwise, and whenever a slot is given back, the queue is looked at.
 */
export class Turnstile<T extends Bound> {
  /** Limits whose queue is being looked at, and whether it must be looked at once more. */
  private readonly filling = new Map<string, boolean>();

  constructor(
    private readonly table: SlotTable,
    private readonly line: Line<T>,
  ) {}

  /** Those of the newcomers who may go in at once; the others wait, and are let in when it is their turn. */
  async enter(newcomers: T[]): Promise<T[]> {
    const held = await this.takeAll(newcomers, false);
    const refused = newcomers.filter((one) => !held.has(one.id));
    await this.fillAll(refused.map(ownLimit));
    return newcomers.filter((one) => held.has(one.id));
  }

  /** Gives everything back. @returns the limits at which somebody may wait: `fillAll` is due for them. */
  async leave(leaving: Bound[]): Promise<LimitRef[]> {
    const groups = stagesOf(leaving).flatMap((stage) => {
      const here = leaving.filter(({ limits }) => stage < limits.length);
      return [...groupsOf(here, stage).values()].map((group) => ({
        ref: group[0]!.limits[stage]!.ref,
        ids: group.map(({ id }) => id),
      }));
    });
    const queued = await Promise.all(groups.map(({ ref, ids }) => this.table.give(ref, ids)));
    return groups.filter((_, i) => queued[i]).map(({ ref }) => ref);
  }

  async fillAll(refs: LimitRef[]): Promise<void> {
    for (const ref of new Map(refs.map((one) => [limitKey(one), one])).values()) await this.fill(ref);
  }

  private async fill(ref: LimitRef): Promise<void> {
    const key = limitKey(ref);
    if (this.filling.has(key)) {
      this.filling.set(key, true);
      return;
    }
    try {
      do {
        this.filling.set(key, false);
        await this.letIn(ref);
      } while (this.filling.get(key));
    } finally {
      this.filling.delete(key);
    }
    await this.fillAll((await this.line.beyond(ref)).filter((one) => limitKey(one) !== key));
  }

  private async letIn(ref: LimitRef): Promise<void> {
    const full: LimitRef[] = [];
    for (let expected = false; ;) {
      const state = await this.stateOf(ref);
      if (!state) return;
      const waiting = await this.line.waiting(ref, state, full, BATCH);
      if (waiting.length === 0) {
        if (full.length === 0 && state.refused > state.settled && (await this.line.beyond(ref)).length === 0)
          await this.table.settle(ref, state.refused);
        return;
      }
      const others = waiting.flatMap((one) => one.limits.slice(0, -1).map((limit) => limit.ref));
      const states = await this.table.read(others);
      const plan = planAdmission(waiting, states.set(limitKey(ref), state));
      // Who is kept out must be known to what keeps him out, or nobody would look for him when it has room.
      const silent = [...plan.full, ...(plan.closed ? [ref] : [])].filter((one) => !isQueued(states, one));
      if (silent.length > 0 && !expected) {
        for (const one of silent) await this.table.expect(one);
        expected = true;
        continue;
      }
      expected = false;
      const held = await this.takeAll(plan.chosen, true);
      if (held.size > 0) await this.line.admit(plan.chosen.filter((one) => held.has(one.id)));
      if (held.size < plan.chosen.length) return this.line.later(ref, state);
      if (plan.closed || (plan.full.length === 0 && held.size === 0)) return;
      full.push(...plan.full);
    }
  }

  private async stateOf(ref: LimitRef): Promise<SlotState | undefined> {
    const state = (await this.table.read([ref])).get(limitKey(ref));
    return state ?? (limitsRuns(ref.kind) ? EMPTY : undefined);
  }

  /** Slots of every limit, or of none. @returns the ids of those who have them. */
  private async takeAll(wanted: T[], inTurn: boolean): Promise<ReadonlySet<string>> {
    let left = wanted;
    for (const stage of stagesOf(wanted)) {
      const here = left.filter(({ limits }) => stage < limits.length);
      const groups = groupsOf(here, stage);
      const refused = new Set<string>();
      await Promise.all(
        [...groups.values()].map(async (group) => {
          const { ref } = group[0]!.limits[stage]!;
          const wants = group.map(({ id, limits }) => {
            const { ref: _, ...want } = limits[stage]!;
            return { id, ...want };
          });
          const held = await this.table.take(ref, wants, inTurn);
          for (const { id } of group) if (!held.has(id)) refused.add(id);
        }),
      );
      for (const one of here.filter(({ id }) => refused.has(id))) {
        for (const { ref } of one.limits.slice(0, stage)) {
          // Somebody may have been refused on account of what is given back here.
          if (await this.table.give(ref, [one.id])) this.again(ref);
        }
      }
      left = left.filter(({ id }) => !refused.has(id));
    }
    return new Set(left.map(({ id }) => id));
  }

  private again(ref: LimitRef): void {
    const key = limitKey(ref);
    if (this.filling.has(key)) this.filling.set(key, true);
  }
}

const isQueued = (states: ReadonlyMap<string, SlotState>, ref: LimitRef): boolean => {
  const state = states.get(limitKey(ref));
  return state !== undefined && state.refused > state.settled;
};

/** The places of limits that anybody among these has. */
const stagesOf = (some: Bound[]): number[] => [
  ...Array(Math.max(0, ...some.map(({ limits }) => limits.length))).keys(),
];

/** Those who want slots of the same limit, in their order. */
function groupsOf<T extends Bound>(wanted: T[], stage: number): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of wanted) {
    const key = limitKey(one.limits[stage]!.ref);
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  return groups;
}
