import { Injectable } from '@nestjs/common';
import { type Project, type Run } from '@tauro/database';
import { type NotificationSettings, type SealedSecret } from '@tauro/domain';
import { LRUCache } from 'lru-cache';
import { type mongo } from 'mongoose';
import { type Batches } from '../batches.js';
import { Collections, joinedFind } from '../collections.js';
import { PinnedVersions } from '../pinned-versions.js';

/** How long this process believes that a project, or a schedule, has the settings it had. */
const FRESH_MS = 5000;

/** Settings that count for a run, and the secrets of their webhooks. */
export interface NotificationSource {
  settings: NotificationSettings;
  secrets: readonly SealedSecret[];
}

/** A document that has settings, whichever it is. */
interface Holder {
  _id: string;
  config?: { notifications?: NotificationSettings | null };
  engine?: { webhook_secrets?: SealedSecret[] };
}

/**
 * Where notification settings come from: the run's schedule, the pipeline version it is pinned to, and its project.
 * Of all three those count that stand when it is asked; a run of which nobody wants to know costs nothing.
 */
@Injectable()
export class NotificationSources {
  private readonly projects: Batches<string, Project | null>;
  private readonly ofProjects = new LRUCache<string, { source: NotificationSource | null }>({
    max: 1000,
    ttl: FRESH_MS,
  });
  private readonly ofSchedules = new LRUCache<string, { source: NotificationSource | null }>({
    max: 5000,
    ttl: FRESH_MS,
  });

  constructor(
    private readonly db: Collections,
    private readonly versions: PinnedVersions,
  ) {
    this.projects = joinedFind(() => this.db.projects);
  }

  /** The settings for a run, the most particular first. @throws when the database is away. */
  async of(run: Run): Promise<NotificationSource[]> {
    const { definition } = await this.versions.get(run.engine.version_id);
    const settings = definition.config?.notifications;
    const [schedule, project] = await Promise.all([
      run.schedule_id ? this.ofSchedule(run.schedule_id) : null,
      this.ofProject(run),
    ]);
    return [schedule, settings ? { settings, secrets: [] } : null, project].filter(
      (source) => source !== null,
    );
  }

  private async ofProject({ project_id, engine }: Run): Promise<NotificationSource | null> {
    // Settings that were there when the run was made count for it, however short it is.
    const known = engine.notify ? undefined : this.ofProjects.get(project_id);
    if (known) return known.source;
    const project = await this.projects.ask(project_id);
    const settings = project?.notifications;
    const source = settings ? { settings, secrets: project.engine?.webhook_secrets ?? [] } : null;
    this.ofProjects.set(project_id, { source });
    return source;
  }

  private async ofSchedule(id: string): Promise<NotificationSource | null> {
    const known = this.ofSchedules.get(id);
    if (known) return known.source;
    const schedules = this.db.runs.db.collection<Holder>('schedules');
    const projection = { 'config.notifications': 1, 'engine.webhook_secrets': 1 };
    const schedule = await schedules.findOne<mongo.WithId<Holder>>({ _id: id }, { projection });
    const settings = schedule?.config?.notifications;
    const source = settings ? { settings, secrets: schedule.engine?.webhook_secrets ?? [] } : null;
    this.ofSchedules.set(id, { source });
    return source;
  }
}
