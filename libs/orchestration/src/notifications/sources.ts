import { Injectable } from '@nestjs/common';
import { type Notification, type Project, type Run, type Schedule } from '@tauro/database';
import { type NotificationSettings, type SealedSecret } from '@tauro/domain';
import { LRUCache } from 'lru-cache';
import { type Batches } from '../batches.js';
import { Collections, joinedFind } from '../collections.js';
import { PinnedVersions } from '../pinned-versions.js';

/** How long this process believes that a project still has the settings it had, or none. */
const FRESH_MS = 5000;

/** Settings that count for a run, and the secrets of their webhooks. */
export interface NotificationSource {
  settings: NotificationSettings;
  secrets: readonly SealedSecret[];
}

/**
 * Where notification settings come from: the run's schedule, the pipeline version it is pinned to, and its project.
 * Of all three those count that stand when it is asked; a run of which nobody wants to know costs nothing.
 */
@Injectable()
export class NotificationSources {
  private readonly projects: Batches<string, Project | null>;
  private readonly schedules: Batches<string, Schedule | null>;
  private readonly known = new LRUCache<string, { source: NotificationSource | null }>({
    max: 1000,
    ttl: FRESH_MS,
  });

  constructor(
    private readonly db: Collections,
    private readonly versions: PinnedVersions,
  ) {
    this.projects = joinedFind(() => this.db.projects);
    this.schedules = joinedFind(() => this.db.schedules);
  }

  /** The settings for a run, the most particular first. @param read its schedule, if it was just read. @throws when the database is away. */
  async of(run: Run, read?: Schedule): Promise<NotificationSource[]> {
    const { definition } = await this.versions.get(run.engine.version_id);
    const [schedule, project] = await Promise.all([
      run.schedule_id ? this.ofSchedule(run.schedule_id, read) : null,
      this.ofProject(run),
    ]);
    const pipeline = sourceOf(definition.config?.notifications);
    return [schedule, pipeline, project].filter((source) => source !== null);
  }

  /** The secret that the settings have by now for a notification's webhook; null when they have none. */
  async secretFor({ project_id, schedule_id, engine }: Notification): Promise<string | null> {
    const [schedule, project] = await Promise.all([
      schedule_id ? this.schedules.ask(schedule_id) : null,
      this.projects.ask(project_id),
    ]);
    const secrets = [
      ...(schedule?.engine.webhook_secrets ?? []),
      ...(project?.engine?.webhook_secrets ?? []),
    ];
    return secrets.find(({ url }) => url === engine.to)?.sealed ?? null;
  }

  private async ofSchedule(id: string, read?: Schedule): Promise<NotificationSource | null> {
    const schedule = read ?? (await this.schedules.ask(id));
    return sourceOf(schedule?.config.notifications, schedule?.engine.webhook_secrets);
  }

  private async ofProject({ project_id, engine }: Run): Promise<NotificationSource | null> {
    // Settings that were there when the run was made count for it, however short it is.
    const known = engine.notify ? undefined : this.known.get(project_id);
    if (known) return known.source;
    const project = await this.projects.ask(project_id);
    const source = sourceOf(project?.notifications, project?.engine?.webhook_secrets);
    this.known.set(project_id, { source });
    return source;
  }
}

const sourceOf = (
  settings: NotificationSettings | null | undefined,
  secrets: SealedSecret[] = [],
): NotificationSource | null => (settings ? { settings, secrets } : null);
