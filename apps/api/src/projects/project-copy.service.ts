import { Injectable } from '@nestjs/common';
import { type Project, type Public, type Schedule, toPublic } from '@tauro/database';
import { DomainError } from '@tauro/domain';
import {
  Collections,
  type NewSchedule,
  PipelineService,
  ProjectRemovalService,
  ScheduleService,
} from '@tauro/orchestration';
import { ConfigStore } from '../configs/config-store.service.js';
import { ProjectService } from './project.service.js';

const MAX_NAME = 63;
const MAX_TRIES = 100;

/**
 * Copies a project with its stored pipelines, its configs and its schedules, but none of its past. A copy that is cut short is
 * removed, so that there is never half of one for long.
 */
@Injectable()
export class ProjectCopyService {
  constructor(
    private readonly projects: ProjectService,
    private readonly pipelines: PipelineService,
    private readonly schedules: ScheduleService,
    private readonly configs: ConfigStore,
    private readonly removals: ProjectRemovalService,
    private readonly db: Collections,
  ) {}

  /** @throws DomainError NOT_FOUND, CONFLICT when `name` is taken. */
  async copy(id: string, name: string | undefined, request_id: string): Promise<Public<Project>> {
    const original = await this.projects.existing(id);
    for (let n = 1; ; n++) {
      const copy = this.madeOf(original, name ?? copyName(original.name, n), request_id);
      const trial = await this.removals.onTrial(copy._id);
      try {
        await this.projects.insert(copy);
        await this.fill(copy, original._id, request_id);
        await trial.keep();
        return toPublic(copy);
      } catch (error) {
        await trial.undo();
        const taken = error instanceof DomainError && error.code === 'CONFLICT';
        if (!taken || name !== undefined || n === MAX_TRIES) throw error;
      }
    }
  }

  private madeOf(original: Project, name: string, request_id: string): Project {
    const { description, owner, metadata, retention_days, notifications, engine } = original;
    const stored = { settings: notifications, secrets: engine?.webhook_secrets ?? [] };
    return this.projects.made({ name, description, owner, metadata, retention_days }, request_id, stored);
  }

  private async fill({ _id: project_id }: Project, original: string, request_id: string): Promise<void> {
    const copies = new Map<string, string>();
    for await (const pipeline of this.db.pipelines.find({ project_id: original })) {
      const { definition } = await this.pipelines.definition(pipeline);
      const made = await this.pipelines.create({ project_id, definition, request_id });
      copies.set(pipeline._id, made.pipeline._id);
    }
    const origin = { change: 'CREATED', reason: `copied from project '${original}'`, request_id } as const;
    for (const { environment, name, description, data } of await this.configs.of(original)) {
      const config = { project_id, environment, name, description, data };
      await this.configs.transaction((session) => this.configs.create(config, origin, session));
    }
    const schedules = await this.db.schedules.find({ project_id: original }).sort({ _id: 1 }).toArray();
    if (schedules.length === 0) return;
    await this.schedules.create(
      schedules.map((schedule) => ({
        ...settingsOf(schedule),
        project_id,
        pipeline_id: copies.get(schedule.pipeline_id) ?? schedule.pipeline_id,
        request_id,
      })),
    );
  }
}

/** What a schedule was told, without what became of it. The copy does nothing until somebody wants it to. */
function settingsOf(schedule: Schedule): NewSchedule {
  const {
    _id,
    created_at: _c,
    updated_at: _u,
    revision: _r,
    next_run_at: _n,
    last_run_at: _l,
    statistics: _s,
    engine,
    ...settings
  } = schedule;
  return { ...settings, enabled: false, webhook_secrets: engine.webhook_secrets };
}

/** `sales_copy`, `sales_copy_2`, ... never longer than a name may be. */
export function copyName(name: string, n: number): string {
  const suffix = n === 1 ? '_copy' : `_copy_${n}`;
  return name.slice(0, MAX_NAME - suffix.length) + suffix;
}
