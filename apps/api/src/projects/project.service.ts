import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import {
  Notification,
  Pipeline,
  Project,
  type Public,
  Run,
  Schedule,
  toPublic,
  Trigger,
} from '@tauro/database';
import { ACTIVE_RUN_STATES, conflict, newId, notFound, type RunState } from '@tauro/domain';
import { RunService, ScheduleService, StatisticsService, TriggerService } from '@tauro/orchestration';
import { type Model } from 'mongoose';
import { type Page } from '../http/envelope.js';
import { stale } from '../http/etag.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { NotificationSettingsService, type StoredNotifications } from '../notifications/settings.service.js';
import { type CreateProjectDto, type UpdateProjectDto } from './project.dto.js';
import { type ProjectStatistics } from './project.views.dto.js';
import { PROJECT_LIST } from './project.list.js';

const DUPLICATE_KEY = 11000;
/** How often a change is tried anew that others were faster than. */
const MAX_TRIES = 5;

/** Projects: names are unique without regard to case, which an index decides, not a look beforehand. */
@Injectable()
export class ProjectService {
  constructor(
    @InjectModel(Project.name) private readonly projects: Model<Project>,
    @InjectModel(Pipeline.name) private readonly pipelines: Model<Pipeline>,
    @InjectModel(Run.name) private readonly runs: Model<Run>,
    @InjectModel(Notification.name) private readonly notifications: Model<Notification>,
    private readonly settings: NotificationSettingsService,
    @InjectModel(Schedule.name) private readonly schedules: Model<Schedule>,
    @InjectModel(Trigger.name) private readonly triggers: Model<Trigger>,
    private readonly runService: RunService,
    private readonly scheduleService: ScheduleService,
    private readonly triggerService: TriggerService,
    private readonly statistics: StatisticsService,
  ) {}

  list(query: ListQuery): Promise<Page<Partial<Public<Project>>>> {
    return findPage(this.projects, PROJECT_LIST, query);
  }

  /** @param notifications settings that are stored already, for a copy. @throws DomainError CONFLICT, VALIDATION_ERROR */
  async create(
    dto: CreateProjectDto,
    request_id: string,
    notifications: StoredNotifications = this.settings.store(dto.notifications ?? null),
  ): Promise<Public<Project>> {
    const now = new Date();
    const project: Project = {
      _id: newId('proj', now.getTime()),
      name: dto.name,
      name_key: dto.name.toLowerCase(),
      description: dto.description ?? '',
      owner: dto.owner ?? null,
      metadata: dto.metadata ?? {},
      retention_days: dto.retention_days ?? null,
      notifications: notifications.settings,
      created_at: now,
      updated_at: now,
      revision: 1,
      request_id,
      engine: { webhook_secrets: notifications.secrets },
    };
    try {
      await this.projects.create(project);
    } catch (error) {
      throw nameTaken(error, dto.name);
    }
    return toPublic(project);
  }

  /** @throws DomainError NOT_FOUND */
  async get(id: string): Promise<Public<Project>> {
    return toPublic(await this.existing(id));
  }

  /** A project with what is never shown of it. @throws DomainError NOT_FOUND */
  async existing(id: string): Promise<Project> {
    const project = await this.projects.findById(id).lean<Project | null>();
    if (!project) throw notFound('project', id);
    return { ...project, notifications: project.notifications ?? null };
  }

  /** @param since only runs created from then on. @throws DomainError NOT_FOUND */
  async stats(id: string, since?: Date): Promise<ProjectStatistics> {
    await this.get(id);
    const [total_pipelines, runs] = await Promise.all([
      this.statistics.pipelinesOf(id),
      this.statistics.runs({ project_id: id }, since),
    ]);
    const { total_runs, success_rate, average_duration_seconds, runs_by_state } = runs;
    return {
      total_pipelines,
      total_runs,
      success_rate,
      avg_duration_seconds: average_duration_seconds,
      runs_by_state,
    };
  }

  /** @param expected the revision the client has seen; another one is PRECONDITION_FAILED. */
  async update(
    id: string,
    dto: UpdateProjectDto,
    expected?: number,
    tries = MAX_TRIES,
  ): Promise<Public<Project>> {
    const { name, description, owner, metadata, retention_days, notifications } = dto;
    // Which secrets stay depends on those that are stored, so the write demands that they still are.
    const stored = notifications === undefined ? undefined : await this.existing(id);
    const wanted = expected ?? stored?.revision;
    const settled =
      stored && this.settings.store(notifications ?? null, undefined, stored.engine?.webhook_secrets);
    const changes = {
      ...(name !== undefined && { name, name_key: name.toLowerCase() }),
      ...(description !== undefined && { description: description ?? '' }),
      ...(owner !== undefined && { owner }),
      ...(retention_days !== undefined && { retention_days }),
      ...(settled && {
        notifications: settled.settings,
        'engine.webhook_secrets': settled.secrets,
      }),
      ...(metadata !== undefined && { metadata: metadata ?? {} }),
      updated_at: new Date(),
    };
    const project = await this.projects
      .findOneAndUpdate(
        { _id: id, ...(wanted !== undefined && { revision: wanted }) },
        { $set: changes, $inc: { revision: 1 } },
        { returnDocument: 'after' },
      )
      .lean<Project | null>()
      .catch((error: unknown) => {
        throw nameTaken(error, name ?? '');
      });
    if (project) return toPublic(project);
    await this.existing(id);
    if (expected === undefined && tries > 0) return this.update(id, dto, expected, tries - 1);
    throw stale();
  }

  /**
   * Removes a project, its schedules and triggers, its stored pipelines and its notifications; its finished runs stay until retention
   * takes them. @param force cancels and stops what is active instead of refusing. @throws DomainError CONFLICT
   */
  async remove(id: string, force: boolean): Promise<void> {
    await this.get(id);
    const active = { project_id: id, state: { $in: ACTIVE_RUN_STATES } };
    if (!force) {
      const run = await this.runs
        .findOne(active, { state: 1 })
        .lean<{ _id: string; state: RunState } | null>();
      if (run) {
        throw conflict(
          `project '${id}' has an active run, '${run._id}' (${run.state}); use force=true to cancel it`,
        );
      }
      const schedule = await this.schedules
        .findOne({ project_id: id, enabled: true }, { _id: 1 })
        .lean<{ _id: string } | null>();
      if (schedule) {
        throw conflict(
          `project '${id}' has an enabled schedule, '${schedule._id}'; use force=true to delete it too`,
        );
      }
      const trigger = await this.triggers
        .findOne({ project_id: id, enabled: true }, { _id: 1 })
        .lean<{ _id: string } | null>();
      if (trigger) {
        throw conflict(
          `project '${id}' has an enabled trigger, '${trigger._id}'; use force=true to delete it too`,
        );
      }
    }
    // Without the project nobody can create another run, so what is found after this is all there is.
    await this.projects.deleteOne({ _id: id });
    await this.scheduleService.removeOf(id);
    await this.triggerService.removeOf(id);
    for await (const run of this.runs.find(active, { _id: 1 }).lean<{ _id: string }[]>().cursor()) {
      await this.runService.cancel(run._id).catch(ignoreConflict);
    }
    await this.pipelines.deleteMany({ project_id: id });
    await this.notifications.deleteMany({ project_id: id });
  }
}

function nameTaken(error: unknown, name: string): unknown {
  return (error as { code?: number }).code === DUPLICATE_KEY
    ? conflict(`a project named '${name}' exists already`, [
        { field: 'name', message: 'is taken (names are compared without regard to case)', type: 'conflict' },
      ])
    : error;
}

/** The run ended by itself in the meantime. */
function ignoreConflict(error: unknown): void {
  if ((error as { code?: string }).code !== 'CONFLICT') throw error;
}
