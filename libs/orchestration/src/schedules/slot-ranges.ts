import { Injectable } from '@nestjs/common';
import { type Schedule, type ScheduleSlot } from '@tauro/database';
import { newId, type SlotSource } from '@tauro/domain';
import { mongo } from 'mongoose';
import { Collections, DUPLICATE_KEY } from '../collections.js';
import { timingOf } from './schedule-timing.js';

/** A record that stands for all slots from `scheduled_for` up to `until`. */
export type SlotRange = ScheduleSlot & { until: Date };

interface Span {
  first: Date;
  last: Date;
}

/** Tries, when others record slots of the same range at that moment. */
const MOST_TRIES = 5;

/**
 * Records that stand for many skipped slots. A slot of one that gets a run, or has one, gets a record of its own, and what is
 * left of the range keeps its reason: at any moment each slot has one record. Who stores a range and who takes a
 * slot both write first and then look for the other, so one of them finds the other.
 */
@Injectable()
export class SlotRanges {
  constructor(private readonly db: Collections) {}

  /** The ranges that some of these slots may belong to. @param times not none. */
  async around(schedule_id: string, times: Date[], session?: mongo.ClientSession): Promise<SlotRange[]> {
    const ms = times.map((time) => time.getTime());
    const first = new Date(ms.reduce((a, b) => Math.min(a, b)));
    const last = new Date(ms.reduce((a, b) => Math.max(a, b)));
    const found = this.db.scheduleSlots.find(
      { schedule_id, scheduled_for: { $lte: last }, until: { $gte: first } },
      { session },
    );
    return (await found.toArray()) as SlotRange[];
  }

  /** Stores a range, without the slots that have a record already. Harmless to repeat. */
  async store(schedule: Schedule, range: SlotRange): Promise<void> {
    const timing = timingOf(schedule);
    for (let tries = 1; ; tries++) {
      const before = await this.recorded(range);
      const pieces = remainders(timing, spanOf(range), before.map(spanOf)).map((span) =>
        pieceOf(range, span),
      );
      if (pieces.length === 0) return;
      try {
        await this.db.scheduleSlots.insertMany(pieces, { ordered: false });
      } catch (error) {
        // Somebody has recorded its first slot meanwhile: what is left begins behind that.
        if (!isDuplicate(error) || tries === MOST_TRIES) throw error;
        continue;
      }
      const known = new Set([...before, ...pieces].map(({ _id }) => _id));
      const others = (await this.recorded(range)).filter(({ _id }) => !known.has(_id));
      return this.split(
        schedule,
        others.map(({ scheduled_for }) => scheduled_for),
      );
    }
  }

  /** Gives each of these slots that a range stands for a record of its own, with the same reason. Harmless to repeat. */
  async split(schedule: Schedule, times: Date[]): Promise<void> {
    if (times.length === 0) return;
    const timing = timingOf(schedule);
    const touched = (ranges: SlotRange[]): [SlotRange, Date[]][] =>
      ranges
        .map((range): [SlotRange, Date[]] => [range, times.filter(standsFor(timing, range))])
        .filter(([, own]) => own.length > 0);
    if (touched(await this.around(schedule._id, times)).length === 0) return;
    for (let tries = 1; ; tries++) {
      try {
        await this.db.transaction(async (session) => {
          for (const [range, own] of touched(await this.around(schedule._id, times, session))) {
            await this.splitOne(timing, range, own, session);
          }
        });
        return;
      } catch (error) {
        if (!isDuplicate(error) || tries === MOST_TRIES) throw error;
      }
    }
  }

  private async splitOne(timing: SlotSource, range: SlotRange, own: Date[], session: mongo.ClientSession) {
    const { schedule_id } = range;
    const single = own.map((time): Span => ({ first: time, last: time }));
    const spans = [...single, ...remainders(timing, spanOf(range), single)];
    const pieces = spans.map((span) => pieceOf(range, span));
    const times = pieces.map(({ scheduled_for }) => scheduled_for);
    const there = await this.db.scheduleSlots
      .find({ schedule_id, scheduled_for: { $in: times } }, { session })
      .project<Pick<ScheduleSlot, 'scheduled_for'>>({ scheduled_for: 1 })
      .toArray();
    const taken = new Set(there.map(({ scheduled_for }) => scheduled_for.getTime()));
    // The piece at its start is the record itself.
    const head = pieces.find(
      ({ scheduled_for }) => scheduled_for.getTime() === range.scheduled_for.getTime(),
    )!;
    const others = pieces.filter(({ scheduled_for }) => !taken.has(scheduled_for.getTime()));
    await this.db.scheduleSlots.updateOne({ _id: range._id }, { $set: { until: head.until } }, { session });
    if (others.length > 0) await this.db.scheduleSlots.insertMany(others, { session });
  }

  private recorded({ schedule_id, scheduled_for, until }: SlotRange) {
    return this.db.scheduleSlots
      .find({ schedule_id, scheduled_for: { $gte: scheduled_for, $lte: until } })
      .project<Pick<ScheduleSlot, '_id' | 'scheduled_for' | 'until'>>({ scheduled_for: 1, until: 1 })
      .sort({ scheduled_for: 1 })
      .toArray();
  }
}

/**
 * Which slots a range stands for. One of another timing, that lies between its ends by chance, is none of them: the ends
 * tell of which timing it is.
 */
export function standsFor(timing: SlotSource, range: SlotRange): (slot: Date) => boolean {
  const { scheduled_for, until } = range;
  const own = isSlot(timing, scheduled_for) && isSlot(timing, until);
  return (slot) =>
    slot.getTime() === scheduled_for.getTime() || (own && slot > scheduled_for && slot <= until);
}

const isSlot = (timing: SlotSource, at: Date): boolean =>
  timing.next(new Date(at.getTime() - 1))?.getTime() === at.getTime();

const spanOf = ({ scheduled_for, until }: Pick<ScheduleSlot, 'scheduled_for' | 'until'>): Span => ({
  first: scheduled_for,
  last: until ?? scheduled_for,
});

/** What is left of a span of slots, in order. @param taken whose slots are not. */
export function remainders(timing: SlotSource, { first, last }: Span, taken: Span[]): Span[] {
  const left: Span[] = [];
  let from = first;
  for (const one of [...taken].sort((a, b) => a.first.getTime() - b.first.getTime())) {
    if (one.first > last) break;
    if (one.last < from) continue;
    if (one.first > from) left.push({ first: from, last: timing.previous(one.first) ?? from });
    if (one.last >= last) return left;
    const next = timing.next(one.last);
    // A timing that was changed since may know nothing of the slots behind; they are not forgotten for that.
    from = next && next <= last ? next : last;
  }
  left.push({ first: from, last });
  return left;
}

const pieceOf = (range: SlotRange, { first, last }: Span): ScheduleSlot => ({
  ...range,
  _id: newId('slot'),
  scheduled_for: first,
  until: last > first ? last : null,
});

const isDuplicate = (error: unknown): boolean =>
  error instanceof mongo.MongoServerError && error.code === DUPLICATE_KEY;
