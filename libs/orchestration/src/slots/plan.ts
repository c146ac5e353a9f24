import { type Bound, limitKey, type LimitRef } from './limit-ref.js';
import { type SlotState } from './slot-table.js';

export interface Plan<T> {
  /** Who may go in now, in order. */
  chosen: T[];
  /** Other limits that keep somebody out, although this one has room. */
  full: LimitRef[];
  /** Whether somebody waits for this limit itself; nobody behind him gets past. */
  closed: boolean;
}

const used = (state: SlotState | undefined): number =>
  state?.holders.reduce((sum, { weight }) => sum + weight, 0) ?? 0;
const holds = (state: SlotState | undefined, id: string): boolean =>
  state?.holders.some((holder) => holder.id === id) ?? false;

/**
 * Who of those that wait in a limit's queue may go in. One whom another limit keeps out is passed over; one for
 * whom this limit has too little room left closes it, so that a heavy one gets its turn.
 */
export function planAdmission<T extends Bound>(
  waiting: readonly T[],
  states: ReadonlyMap<string, SlotState>,
): Plan<T> {
  const taken = new Map<string, number>();
  const takenOf = (key: string): number => taken.get(key) ?? used(states.get(key));
  const plan: Plan<T> = { chosen: [], full: [], closed: false };
  for (const one of waiting) {
    const claims = one.limits.map(({ ref, weight, capacity, beyond }) => {
      const key = limitKey(ref);
      const state = states.get(key);
      const slots = state?.capacity ?? capacity ?? 0;
      const need = holds(state, one.id) ? 0 : Math.min(weight, Math.max(slots, 1));
      return { ref, key, need, fits: need === 0 || beyond || takenOf(key) + need <= slots };
    });
    const own = claims.pop()!;
    const other = claims.find(({ fits }) => !fits);
    if (other) {
      if (!plan.full.some((ref) => limitKey(ref) === other.key)) plan.full.push(other.ref);
      continue;
    }
    if (!own.fits) return { ...plan, closed: true };
    for (const { key, need } of [...claims, own]) taken.set(key, takenOf(key) + need);
    plan.chosen.push(one);
  }
  return plan;
}
