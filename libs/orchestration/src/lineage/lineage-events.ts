import { Injectable, Logger } from '@nestjs/common';
import { type Notification, type Run } from '@tauro/database';
import { notificationId, type NotificationEvent } from '@tauro/domain';
import { Env } from '@tauro/platform';
import { LRUCache } from 'lru-cache';
import { Collections, joinedFind } from '../collections.js';
import { newNotification } from '../notifications/new-notification.js';
import { NotificationOutbox } from '../notifications/outbox.js';
import {
  EVENT_TYPE_OF,
  lineageEvent,
  type LineageEventFacts,
  type LineageEventType,
  type LineageJob,
} from './openlineage.js';
import { joinUses, RunLineage } from './run-lineage.js';

/** A project's name is part of the names of its jobs; one that has just been changed may still be told as it was. */
const NAMES_FRESH_MS = 60_000;

const EVENT: Record<LineageEventType, NotificationEvent> = {
  START: 'lineage.start',
  COMPLETE: 'lineage.complete',
  FAIL: 'lineage.fail',
  ABORT: 'lineage.abort',
};

/**
 * Tells whoever stands at OPENLINEAGE_URL how runs began and ended, through the outbox that sends notifications. Each event
 * has an id that follows from the run, so all of this may be repeated.
 */
@Injectable()
export class LineageEvents {
  private readonly logger = new Logger(LineageEvents.name);
  /** Undefined when nobody is to be told. */
  private readonly url?: string;
  private readonly names = new LRUCache<string, string>({ max: 1000, ttl: NAMES_FRESH_MS });
  private readonly projects = joinedFind(() => this.db.projects);

  constructor(
    private readonly db: Collections,
    private readonly env: Env,
    private readonly lineage: RunLineage,
    private readonly outbox: NotificationOutbox,
  ) {
    this.url = env.OPENLINEAGE_URL && lineageUrl(env.OPENLINEAGE_URL);
  }

  /** Nobody waits for it: should it be lost, it is told together with the run's end. */
  started(run: Run): void {
    if (!this.url) return;
    this.tell(run, ['START']).catch((error: Error) => {
      this.logger.warn(`${run._id}: its start is told with its end: ${error.message}`);
    });
  }

  /** What a terminal run has to tell, its start included, in case that was never told. */
  async ended(run: Run): Promise<void> {
    const type = EVENT_TYPE_OF[run.state];
    // What was never started is no run there.
    if (this.url && type && run.queued_at) await this.tell(run, ['START', type]);
  }

  private async tell(run: Run, types: LineageEventType[]): Promise<void> {
    const [job, parent] = await Promise.all([this.jobOf(run), this.parentOf(run)]);
    const told = types.map(async (type): Promise<Notification> => {
      const starts = type === 'START';
      const at = (starts ? run.queued_at : run.finished_at) ?? new Date();
      const uses = starts || !run.engine.datasets ? [] : await this.usesOf(run);
      return this.message(run, lineageEvent({ type, at, run, job, parent, uses }), EVENT[type]);
    });
    await this.outbox.add(await Promise.all(told));
  }

  private message(run: Run, data: Notification['data'], event: NotificationEvent): Notification {
    const to = this.url!;
    const _id = notificationId(run, event, 'openlineage', to);
    return newNotification(run, { _id, event, channel: 'openlineage', to, sealed: null, data });
  }

  private async usesOf(run: Run): Promise<LineageEventFacts['uses']> {
    const { nodes } = await this.lineage.of(run);
    return joinUses(nodes.flatMap(({ datasets }) => datasets));
  }

  private async parentOf({ parent_run_id }: Run): Promise<LineageEventFacts['parent']> {
    if (!parent_run_id) return undefined;
    const parent = await this.db.runs.findOne(
      { _id: parent_run_id },
      { projection: { project_id: 1, pipeline_name: 1 } },
    );
    return parent ? { run_id: parent_run_id, job: await this.jobOf(parent) } : undefined;
  }

  private async jobOf({
    project_id,
    pipeline_name,
  }: Pick<Run, 'project_id' | 'pipeline_name'>): Promise<LineageJob> {
    let project = this.names.get(project_id);
    if (project === undefined) {
      // One that is gone is told by its id.
      project = (await this.projects.ask(project_id))?.name ?? project_id;
      this.names.set(project_id, project);
    }
    return { namespace: this.env.OPENLINEAGE_NAMESPACE, name: `${project}.${pipeline_name}` };
  }
}

/** Where events are taken, below the address of the server. */
const lineageUrl = (base: string): string => `${base.replace(/\/+$/, '')}/api/v1/lineage`;
