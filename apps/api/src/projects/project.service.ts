import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { Project, type Public, toPublic } from '@tauro/database';
import { conflict, type DomainError, newId, notFound } from '@tauro/domain';
import { StatisticsService } from '@tauro/orchestration';
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
    private readonly settings: NotificationSettingsService,
    private readonly statistics: StatisticsService,
  ) {}

  list(query: ListQuery): Promise<Page<Partial<Public<Project>>>> {
    return findPage(this.projects, PROJECT_LIST, query);
  }

  /** @throws DomainError CONFLICT, VALIDATION_ERROR */
  async create(dto: CreateProjectDto, request_id: string): Promise<Public<Project>> {
    const project = this.made(dto, request_id);
    await this.insert(project);
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
    // Which secrets stay depends on those that are stored, so the write demands that they still are.
    const stored = dto.notifications === undefined ? undefined : await this.existing(id);
    const wanted = expected ?? stored?.revision;
    const project = await this.projects
      .findOneAndUpdate(
        { _id: id, ...(wanted !== undefined && { revision: wanted }) },
        this.updateOf(dto, stored),
        { returnDocument: 'after' },
      )
      .lean<Project | null>()
      .catch((error: unknown) => {
        throw nameTaken(error, dto.name ?? '');
      });
    if (project) return toPublic(project);
    await this.existing(id);
    if (expected === undefined && tries > 0) return this.update(id, dto, expected, tries - 1);
    throw stale();
  }

  /** @throws DomainError CONFLICT when the name is taken. */
  async insert(project: Project): Promise<void> {
    try {
      await this.projects.create(project);
    } catch (error) {
      throw nameTaken(error, project.name);
    }
  }

  /** What is stored of a new one. @param notifications settings that are stored already, for a copy. */
  made(dto: CreateProjectDto, request_id: string, notifications?: StoredNotifications): Project {
    const { settings, secrets } = notifications ?? this.settings.store(dto.notifications ?? null);
    const now = new Date();
    return {
      _id: newId('proj', now.getTime()),
      name: dto.name,
      name_key: dto.name.toLowerCase(),
      description: dto.description ?? '',
      owner: dto.owner ?? null,
      metadata: dto.metadata ?? {},
      retention_days: dto.retention_days ?? null,
      notifications: settings,
      created_at: now,
      updated_at: now,
      revision: 1,
      request_id,
      engine: { webhook_secrets: secrets },
    };
  }

  /** The write that makes the changes. @param stored what they are made to, when there are notifications among them. */
  updateOf(dto: UpdateProjectDto, stored?: Project) {
    const { name, description, owner, metadata, retention_days, notifications } = dto;
    const kept = stored?.engine?.webhook_secrets;
    const settled =
      notifications === undefined ? undefined : this.settings.store(notifications, undefined, kept);
    return {
      $set: {
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
      },
      $inc: { revision: 1 },
    };
  }
}

const nameTaken = (error: unknown, name: string): unknown =>
  (error as { code?: number }).code === DUPLICATE_KEY ? taken(name) : error;

/** Another project has the name. */
export const taken = (name: string): DomainError =>
  conflict(`a project named '${name}' exists already`, [
    { field: 'name', message: 'is taken (names are compared without regard to case)', type: 'conflict' },
  ]);
