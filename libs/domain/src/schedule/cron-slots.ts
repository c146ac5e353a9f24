import { Cron } from 'croner';
import { LRUCache } from 'lru-cache';
import { type CronExpression } from './cron-expression.js';
import { type Slots } from './slots.js';
import { type Zone } from './zone.js';

const DAY = 86_400_000;
/** More than any two offsets of one zone differ by. */
const MARGIN = 2 * DAY;
/** Longer than any pause of a calendar: a leap day is at most 8 years off, a fifth Monday of February 40. */
const HORIZON = 50 * 366 * DAY;

/** Expressions are shared: one costs 80 KB and 0.2 ms in croner, and schedules have few different ones. */
const WALLS = new LRUCache<string, Cron>({ max: 256 });

/** A stretch in which a wall clock runs through, shown as UTC plus each of `offsets`. In ms, `to` exclusive. */
interface Window {
  from: number;
  to: number;
  offsets: readonly number[];
}

/**
 * Slots of a CRON expression in a zone. croner matches the wall clock, for which it takes UTC; the way from wall time
 * to instants is ours:
 *
 * - every hour: an instant is a slot when its wall time matches, so a repeated hour counts twice, a left-out one never.
 * - fixed hours: in the hours after a gap the clock as it would have gone on counts too, which moves the left-out times
 *   forward by the gap; in a repeated stretch no clock counts, because all of it was there already.
 */
export class CronSlots implements Slots {
  private readonly everyHour: boolean;
  private readonly text: string;

  constructor(
    expression: CronExpression,
    private readonly zone: Zone,
  ) {
    this.everyHour = expression.everyHour;
    this.text = expression.text;
  }

  next(after: number): number | null {
    const wall = this.wall();
    for (let at = after + 1; at <= after + HORIZON;) {
      const { to, offsets } = this.windowAt(at);
      let found = Infinity;
      for (const offset of offsets) {
        const match = wall.nextRun(new Date(at - 1 + offset));
        if (match) found = Math.min(found, match.getTime() - offset);
      }
      if (found < to) return found;
      // Past the margin no clock shows again what it showed here, so nothing matches until shortly before `found`.
      const far = offsets.length > 0 && to - at > MARGIN;
      at = far ? Math.max(to, found - MARGIN) : to;
    }
    return null;
  }

  previous(before: number): number | null {
    const wall = this.wall();
    for (let at = before - 1; at >= before - HORIZON;) {
      const { from, offsets } = this.windowAt(at);
      let found = -Infinity;
      for (const offset of offsets) {
        const [match] = wall.previousRuns(1, new Date(at + 1 + offset));
        if (match) found = Math.max(found, match.getTime() - offset);
      }
      if (found >= from) return found;
      const far = offsets.length > 0 && at - from > MARGIN;
      at = far ? Math.min(from - 1, found + MARGIN) : from - 1;
    }
    return null;
  }

  private windowAt(instant: number): Window {
    const { from, to, offset, before } = this.zone.eraAt(instant);
    const settled = from + Math.abs(offset - before);
    if (this.everyHour || settled === from) return { from, to, offsets: [offset] };
    if (instant >= settled) return { from: settled, to, offsets: [offset] };
    return { from, to: Math.min(settled, to), offsets: offset > before ? [offset, before] : [] };
  }

  private wall(): Cron {
    let wall = WALLS.get(this.text);
    if (!wall) WALLS.set(this.text, (wall = new Cron(this.text, { mode: '6-part', utcOffset: 0 })));
    return wall;
  }
}
