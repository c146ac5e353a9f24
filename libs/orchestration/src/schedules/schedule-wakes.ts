import { InjectQueue } from '@nestjs/bullmq';
import { Injectable, Logger } from '@nestjs/common';
import { type Schedule } from '@tauro/database';
import { RedisCommands, type ScheduleJob, SCHEDULE_QUEUE, schedulePattern } from '@tauro/queue';
import { type Queue } from 'bullmq';
import { Collections } from '../collections.js';
import { type Timed } from './schedule-timing.js';

export type Wakeable = Pick<Schedule, '_id' | 'enabled' | 'next_run_at'> & Timed;

const AT_ONCE = 100;
/** Alarms that are still to be set, before whoever wants one more waits for it. */
const MOST_SOON = 1000;
/** So much an alarm may be off: the one that has just rung was set anew before its slot was done with. */
const TOLERANCE_MS = 1000;

/**
 * Alarm clocks in Redis: a BullMQ job scheduler per enabled schedule. They only wake; what is due is worked out from
 * the database. So one that is lost, doubled or wrong makes a slot late at most, and is put right within a minute.
 */
@Injectable()
export class ScheduleWakes {
  private readonly logger = new Logger(ScheduleWakes.name);
  /** The last change of an alarm that is under way, by the id of its schedule. */
  private readonly changing = new Map<string, Promise<void>>();

  constructor(
    private readonly db: Collections,
    private readonly redis: RedisCommands,
    @InjectQueue(SCHEDULE_QUEUE) private readonly queue: Queue<ScheduleJob>,
  ) {}

  /** Sets or removes a schedule's alarm, as it is in the database by now. Redis may be away: then it is done later. */
  follow(schedule: Wakeable): Promise<void> {
    return this.inTurn(schedule._id, async () => {
      try {
        if (schedule.enabled && schedule.next_run_at) await this.set(schedule);
        else await this.queue.removeJobScheduler(schedule._id);
      } catch (error) {
        this.logger.warn(`${schedule._id}: its alarm will be set later: ${(error as Error).message}`);
      }
    });
  }

  /** The same, but nobody waits for it, because an alarm is a hint; unless there is much to do already. */
  async followSoon(schedule: Wakeable): Promise<void> {
    const done = this.follow(schedule);
    if (this.changing.size > MOST_SOON) await done;
  }

  forget(id: string): Promise<void> {
    return this.inTurn(id, async () => {
      await this.queue.removeJobScheduler(id).catch(() => undefined);
    });
  }

  /** Changes of one alarm happen in the order in which they were asked for. */
  private inTurn(id: string, change: () => Promise<void>): Promise<void> {
    const done = (this.changing.get(id) ?? Promise.resolve()).then(change).finally(() => {
      if (this.changing.get(id) === done) this.changing.delete(id);
    });
    this.changing.set(id, done);
    return done;
  }

  /** Wakes a schedule at once, or after a while. */
  async wake(id: string, delay = 0): Promise<void> {
    await this.queue
      .add('wake', { schedule_id: id }, { delay: Math.max(0, Math.ceil(delay)) })
      .catch((error: Error) => this.logger.warn(`${id}: woken later: ${error.message}`));
  }

  /** Lets a worker go on with a backfill. */
  async wakeBackfill(id: string): Promise<void> {
    await this.queue.add('backfill', { backfill_id: id }).catch(() => undefined);
  }

  /** Makes the alarms in Redis what the database says. @returns how many were set and removed. */
  async reconcile(now: Date): Promise<{ set: number; removed: number }> {
    const alarms = await this.alarms();
    const enabled = this.db.schedules.find({ enabled: true, next_run_at: { $ne: null } }).project<Wakeable>({
      enabled: 1,
      next_run_at: 1,
      kind: 1,
      expression: 1,
      timezone: 1,
      start_at: 1,
      end_at: 1,
      'engine.anchor': 1,
    });
    let set = 0;
    let missing: Wakeable[] = [];
    const setMissing = async (): Promise<void> => {
      await Promise.all(missing.map((schedule) => this.set(schedule)));
      set += missing.length;
      missing = [];
    };
    for await (const schedule of enabled) {
      const at = alarms.get(schedule._id);
      alarms.delete(schedule._id);
      const next = schedule.next_run_at!.getTime();
      // The alarm of a slot that is due by now has rung already, or the sweep finds the slot.
      const right = at !== undefined && (next <= now.getTime() || Math.abs(at - next) <= TOLERANCE_MS);
      if (right) continue;
      missing.push(schedule);
      if (missing.length >= AT_ONCE) await setMissing();
    }
    await setMissing();
    const stale = [...alarms.keys()];
    for (const id of stale) {
      // One that was made since the list was read has its alarm rightly.
      const still = await this.db.schedules.findOne({ _id: id, enabled: true, next_run_at: { $ne: null } });
      if (!still) await this.queue.removeJobScheduler(id);
    }
    if (set + stale.length > 0) this.logger.log(`alarms put right: ${set} set, ${stale.length} looked at`);
    return { set, removed: stale.length };
  }

  private async set({ _id, ...timed }: Wakeable): Promise<void> {
    await this.queue.upsertJobScheduler(
      _id,
      { pattern: schedulePattern({ ...timed, anchor: timed.engine.anchor }) },
      { name: 'tick', data: { schedule_id: _id, alarm: true } },
    );
  }

  /** When each alarm rings next, by the id of its schedule. */
  private async alarms(): Promise<Map<string, number>> {
    const flat = await this.redis.client.zrange(this.queue.toKey('repeat'), '0', '-1', 'WITHSCORES');
    const alarms = new Map<string, number>();
    for (let i = 0; i < flat.length; i += 2) alarms.set(flat[i]!, Number(flat[i + 1]));
    return alarms;
  }
}
