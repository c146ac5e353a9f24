import { Injectable } from '@nestjs/common';
import { type Notification, type Run, type Schedule } from '@tauro/database';
import {
  ACTIVE_RUN_STATES,
  isWanted,
  lateAt,
  notificationId,
  type RunEvent,
  type RunState,
  targetsOf,
} from '@tauro/domain';
import { Collections, FAST } from '../collections.js';
import { messageData, type Sla } from './message.js';
import { newNotification } from './new-notification.js';
import { NotificationOutbox } from './outbox.js';
import { type NotificationSource, NotificationSources } from './sources.js';

/** What the end of a run is called. A run that somebody cancelled is no news to anybody. */
const EVENT_OF: Partial<Record<RunState, RunEvent>> = {
  SUCCESS: 'run.success',
  FAILED: 'run.failure',
};

/** Something to tell those whom a source names. */
interface News {
  event: RunEvent;
  source: NotificationSource;
  sla?: Sla;
}

/**
 * Writes down whom a run's fate is to be told. Each message has an id that follows from run, event and target, so all of
 * this may be repeated. The runs that `pipeline` nodes make tell nobody: their parent does.
 */
@Injectable()
export class RunNotifier {
  constructor(
    private readonly db: Collections,
    private readonly sources: NotificationSources,
    private readonly outbox: NotificationOutbox,
  ) {}

  /** What a terminal run has to tell: how it ended, and whether it was late. */
  async ended(run: Run): Promise<void> {
    const sources = await this.sourcesOf(run);
    if (sources.length === 0) return;
    const event = EVENT_OF[run.state];
    const news = sources
      .filter(({ settings }) => event !== undefined && isWanted(settings, event))
      .map((source): News => ({ event: event!, source }));
    await this.tell(run, sources, [...news, ...misses(run, sources, run.finished_at ?? new Date())]);
  }

  /** When a run that starts will be late, by the first setting that wants to know; null for never. @param schedule its own, just read. */
  async lateAt(run: Run, schedule?: Schedule): Promise<Date | null> {
    return firstOf(run, await this.sourcesOf(run, schedule), new Date(0));
  }

  /** Sees to it that a run that is under way is looked at when it is late. */
  async watch(run: Run): Promise<void> {
    if (run.engine.sla_at) return;
    // What was late before now has been told, or is when the run ends.
    const sla_at = firstOf(run, await this.sourcesOf(run), new Date());
    if (sla_at) await this.setLook(run, sla_at);
  }

  /** Tells of a run that is late, and looks again when the next setting calls it so. @param now by the database's clock. */
  async late(run: Run, now: Date): Promise<void> {
    const sources = await this.sourcesOf(run);
    await this.tell(run, sources, misses(run, sources, now));
    await this.setLook(run, firstOf(run, sources, now));
  }

  private async setLook(run: Run, sla_at: Date | null): Promise<void> {
    await this.db.runs.updateOne(
      {
        _id: run._id,
        state: { $in: ACTIVE_RUN_STATES },
        'engine.sla_at': run.engine.sla_at ?? { $exists: false },
      },
      sla_at ? { $set: { 'engine.sla_at': sla_at } } : { $unset: { 'engine.sla_at': 1 } },
      FAST,
    );
  }

  private async sourcesOf(run: Run, schedule?: Schedule): Promise<NotificationSource[]> {
    return run.parent_run_id ? [] : this.sources.of(run, schedule);
  }

  private async tell(run: Run, sources: NotificationSource[], news: News[]): Promise<void> {
    if (news.length === 0) return;
    const project = await this.db.projects.findOne({ _id: run.project_id }, { projection: { name: 1 } });
    // Whoever is named twice is told once, by the most particular setting.
    const messages = new Map<string, Notification>();
    for (const { event, source, sla } of news) {
      for (const { channel, to } of targetsOf(source.settings)) {
        const _id = notificationId(run, event, channel, to);
        const sealed = channel === 'webhook' ? secretOf(to, sources) : null;
        const data = messageData(run, project, sla);
        if (!messages.has(_id))
          messages.set(_id, newNotification(run, { _id, event, channel, to, sealed, data }));
      }
    }
    await this.outbox.add([...messages.values()]);
  }
}

/** A webhook that several settings name is signed if one of them has a secret for it. */
function secretOf(url: string, sources: NotificationSource[]): string | null {
  const all = sources.flatMap(({ secrets }) => [...secrets]);
  return all.find((secret) => secret.url === url)?.sealed ?? null;
}

/**
 * What the time of a run is counted from: the slot that its schedule made it for, or else its start; null before that.
 * A rerun, a backfill and what they trigger are about a time long past, and may take theirs.
 */
function startOf(run: Run): Date | null {
  const onTime =
    run.scheduled_for && !run.rerun_of && !run.trigger_id && run.engine.group?.kind !== 'backfill';
  return onTime ? run.scheduled_for : run.queued_at;
}

function misses(run: Run, sources: NotificationSource[], at: Date): News[] {
  const from = startOf(run);
  return sources.flatMap((source): News[] => {
    const due_at = lateAt(source.settings, from);
    // What is not told of now is looked at again, as `firstOf` says: no moment lies between the two.
    if (!due_at || due_at > at) return [];
    return [{ event: 'run.sla_miss', source, sla: { seconds: source.settings.sla_seconds!, due_at } }];
  });
}

function firstOf(run: Run, sources: NotificationSource[], after: Date): Date | null {
  const times = sources
    .map(({ settings }) => lateAt(settings, startOf(run))?.getTime() ?? 0)
    .filter((time) => time > after.getTime());
  return times.length > 0 ? new Date(Math.min(...times)) : null;
}
