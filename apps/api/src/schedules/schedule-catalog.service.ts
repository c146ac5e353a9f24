import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import {
  type OnEnable,
  Pipeline,
  type Project,
  type Public,
  Schedule,
  ScheduleSlot,
  toPublic,
} from '@tauro/database';
import { conflict, DomainError, type ErrorDetail, invalid, isId, notFound } from '@tauro/domain';
import { resolveParams } from '@tauro/nodes';
import {
  type Batches,
  Collections,
  joinedFind,
  type NewSchedule,
  PinnedVersions,
  PipelineService,
  type ScheduleChanges,
  ScheduleService,
  timingOf,
} from '@tauro/orchestration';
import { Env } from '@tauro/platform';
import { type Model } from 'mongoose';
import { setTimeout as pause } from 'node:timers/promises';
import { allOf, itemsOf, tryEach } from '../http/batch/outcomes.js';
import { Page } from '../http/envelope.js';
import { type Deleted } from '../http/openapi/envelope.dto.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { type Condition } from '../http/paging/list-spec.js';
import { checkedAs } from '../http/validation.pipe.js';
import { type CreateSchedulesDto, type ScheduleIdsDto } from './schedule-batch.dto.js';
import {
  CreateScheduleDto,
  type NextSlot,
  type PreviewDto,
  type ScheduleConfigDto,
  type UpdateScheduleDto,
} from './schedule.dto.js';
import { NotificationSettingsService } from '../notifications/settings.service.js';
import { SCHEDULE_LIST, SLOT_LIST } from './schedule.list.js';

/** Fields that may stand beside `config` or in it. */
const POLICY = [
  'misfire',
  'misfire_window_seconds',
  'coalesce',
  'max_concurrency',
  'overlap',
  'jitter_seconds',
] as const;
const MAX_TRIES = 20;
/** Those who change one schedule at the same time step aside, longer with each try, so that each gets its turn. */
const PAUSE_MS = 20;
type Policy = Partial<Pick<Schedule, (typeof POLICY)[number]>>;

/** Schedules as the API shows and changes them. */
@Injectable()
export class ScheduleCatalog {
  private readonly projects: Batches<string, Project | null>;

  constructor(
    @InjectModel(Schedule.name) private readonly schedules: Model<Schedule>,
    @InjectModel(ScheduleSlot.name) private readonly slots: Model<ScheduleSlot>,
    @InjectModel(Pipeline.name) private readonly pipelines: Model<Pipeline>,
    private readonly service: ScheduleService,
    private readonly pipelineService: PipelineService,
    private readonly versions: PinnedVersions,
    private readonly settings: NotificationSettingsService,
    private readonly env: Env,
    db: Collections,
  ) {
    this.projects = joinedFind(() => db.projects);
  }

  async list(query: ListQuery): Promise<Page<Partial<Public<Schedule>>>> {
    const base = await this.ofPipeline(query.values.pipeline_id as string | undefined);
    return findPage(this.schedules, SCHEDULE_LIST, query, base);
  }

  async get(id: string): Promise<Public<Schedule>> {
    return toPublic(await this.service.get(id));
  }

  async create(dto: CreateScheduleDto, request_id: string): Promise<Public<Schedule>> {
    const [schedule] = await this.service.create([await this.accept(dto, request_id)]);
    return toPublic(schedule!);
  }

  /** Each item is checked by itself; all are created, or with `partial` those that can be. @throws DomainError */
  async createAll({ schedules, partial }: CreateSchedulesDto, request_id: string) {
    const accept = async (item: object): Promise<NewSchedule> =>
      this.accept(await checkedAs(CreateScheduleDto, item), request_id);
    if (!partial) {
      const accepted = allOf(await tryEach(schedules, accept), 'schedules');
      return (await this.service.create(accepted)).map((schedule) => toPublic(schedule));
    }
    const create = async (item: object): Promise<Public<Schedule>> => {
      const [schedule] = await this.service.create([await accept(item)]);
      return toPublic(schedule!);
    };
    return itemsOf(await tryEach(schedules, create), 201);
  }

  /** @throws DomainError NOT_FOUND, and what `assertRunnable` says of one that is to be enabled. */
  async enable(id: string, enabled: boolean): Promise<Public<Schedule>> {
    if (enabled) await this.assertRunnable(await this.service.get(id));
    return toPublic(await this.service.enable(id, enabled));
  }

  async enableAll({ ids, partial }: ScheduleIdsDto, enabled: boolean) {
    if (partial) return itemsOf(await tryEach(ids, (id) => this.enable(id, enabled)), 200);
    const assertRunnable = async (id: string) => this.assertRunnable(await this.service.get(id));
    if (enabled) allOf(await tryEach(ids, assertRunnable), 'ids');
    return (await this.service.enableAll(ids, enabled)).map((schedule) => toPublic(schedule));
  }

  /**
   * Its pipeline may have changed while it was disabled: better refused than a failure at every slot.
   * @throws DomainError CONFLICT when the pipeline is gone, VALIDATION_ERROR for params that it does not take any more.
   */
  private async assertRunnable({ enabled, project_id, params, ...schedule }: Schedule): Promise<void> {
    if (enabled) return;
    try {
      await this.pipeline(schedule.pipeline_id, project_id, params);
    } catch (error) {
      if (!(error instanceof DomainError && error.code === 'NOT_FOUND')) throw error;
      throw conflict(
        `pipeline '${schedule.pipeline_name}' of the schedule is gone; give it another pipeline_id`,
      );
    }
  }

  async removeAll({ ids, partial }: ScheduleIdsDto) {
    const deleted = (id: string): Deleted => ({ id, deleted: true });
    if (partial)
      return itemsOf(await tryEach(ids, (id) => this.service.remove(id).then(() => deleted(id))), 200);
    await this.service.removeAll(ids);
    return ids.map(deleted);
  }

  /** @throws DomainError for what cannot be created, with every field named. */
  private async accept(dto: CreateScheduleDto, request_id: string): Promise<NewSchedule> {
    const { project_id, kind, expression, config = {} } = dto;
    const policy = policyOf(dto, config);
    const [project, pipeline] = await Promise.all([
      this.projects.ask(project_id),
      this.pipeline(dto.pipeline_id, project_id, dto.params ?? {}).catch((error: Error) => error),
    ]);
    if (!project) throw notFound('project', project_id);
    if (pipeline instanceof Error) throw pipeline;
    const coalesce = policy.coalesce ?? this.env.SCHEDULER_COALESCE;
    const accepted: NewSchedule = {
      project_id,
      ...pipeline,
      kind,
      expression: expression.trim(),
      enabled: dto.enabled ?? true,
      timezone: dto.timezone ?? this.env.SCHEDULER_TIMEZONE,
      description: dto.description ?? '',
      params: dto.params ?? {},
      tags: dto.tags ?? {},
      ...this.configOf(config),
      start_at: dateOf(dto.start_at) ?? null,
      end_at: dateOf(dto.end_at) ?? null,
      misfire: policy.misfire ?? 'last',
      misfire_window_seconds: policy.misfire_window_seconds ?? null,
      coalesce,
      on_enable: { misfire: 'none', misfire_window_seconds: null, coalesce, ...given(dto.on_enable) },
      max_concurrency: policy.max_concurrency ?? this.env.SCHEDULER_MAX_INSTANCES,
      overlap: policy.overlap ?? 'skip',
      jitter_seconds: policy.jitter_seconds ?? 0,
      request_id,
    };
    timingOf({ ...accepted, engine: { anchor: new Date() } });
    return accepted;
  }

  /** @param expected the revision the client has seen. @throws DomainError */
  async update(id: string, dto: UpdateScheduleDto, expected?: number): Promise<Public<Schedule>> {
    for (let tries = 1; ; tries++) {
      const current = await this.service.get(id);
      try {
        // What is merged with must still be current when it is replaced, or somebody else's change would be lost.
        const changes = await this.changesOf(current, dto);
        return toPublic(await this.service.update(id, changes, expected ?? current.revision));
      } catch (error) {
        const raced = error instanceof DomainError && error.code === 'PRECONDITION_FAILED';
        if (!raced || expected !== undefined) throw error;
        if (tries === MAX_TRIES) throw conflict(`schedule '${id}' is being changed by others; try again`);
        await pause(Math.random() * PAUSE_MS * tries);
      }
    }
  }

  private async changesOf(current: Schedule, dto: UpdateScheduleDto): Promise<ScheduleChanges> {
    const { config, on_enable, pipeline_id, params, start_at, end_at, ...rest } = dto;
    const policy = policyOf(dto, config ?? {});
    const configured = config !== undefined || POLICY.some((field) => field in policy);
    const repointed = pipeline_id !== undefined || params !== undefined;
    if (rest.enabled && !repointed) await this.assertRunnable(current);
    return {
      ...given(rest),
      ...policy,
      ...(rest.expression !== undefined && { expression: rest.expression.trim() }),
      ...(configured && this.configOf({ ...inStep(current.config, policy), ...given(config) }, current)),
      ...(on_enable && { on_enable: { ...current.on_enable, ...given(on_enable) } as OnEnable }),
      ...(params !== undefined && { params }),
      ...(start_at !== undefined && { start_at: dateOf(start_at) }),
      ...(end_at !== undefined && { end_at: dateOf(end_at) }),
      ...(repointed &&
        (await this.pipeline(
          pipeline_id ?? current.pipeline_id,
          current.project_id,
          params ?? current.params,
        ))),
    };
  }

  async listSlots(id: string, query: ListQuery): Promise<Page<Partial<Public<ScheduleSlot>>>> {
    await this.service.get(id);
    return findPage(this.slots, SLOT_LIST, query, { schedule_id: id });
  }

  /** The slots ahead, whether it is enabled or not. */
  async next(id: string, count: number, from = new Date()): Promise<Page<NextSlot>> {
    return nextOf(timingOf(await this.service.get(id)), count, from);
  }

  /** The same for an expression that is not stored. @throws DomainError VALIDATION_ERROR */
  preview({ kind, expression, timezone, count = 10, from }: PreviewDto): Page<NextSlot> {
    const now = new Date();
    const timing = timingOf({
      kind,
      expression: expression.trim(),
      timezone: timezone ?? this.env.SCHEDULER_TIMEZONE,
      start_at: null,
      end_at: null,
      engine: { anchor: now },
    });
    return nextOf(timing, count, dateOf(from) ?? now);
  }

  /** @throws DomainError NOT_FOUND, VALIDATION_ERROR for params that the pipeline does not take. */
  private async pipeline(ref: string, projectId: string, params: Schedule['params']) {
    const pipeline = await this.pipelineService.resolve(ref, projectId);
    const { definition } = await this.versions.get(this.pipelineService.currentVersionId(pipeline));
    resolveParams(definition, params);
    return { pipeline_id: pipeline._id, pipeline_name: pipeline.name };
  }

  /** The config as it is stored, over that of `current`, and the secrets in it apart. */
  private configOf({ notifications, ...config }: ScheduleConfigDto, current?: Schedule) {
    const merged = { ...current?.config, ...given(config) } as Schedule['config'];
    const secrets = current?.engine.webhook_secrets ?? [];
    if (notifications === undefined) return { config: merged, webhook_secrets: secrets };
    const stored = this.settings.store(notifications, 'config.notifications', secrets);
    return { config: { ...merged, notifications: stored.settings }, webhook_secrets: stored.secrets };
  }

  private async ofPipeline(ref: string | undefined): Promise<Condition> {
    if (ref === undefined) return {};
    if (isId('pipe', ref)) return { pipeline_id: ref };
    const named = await this.pipelines
      .find({ name_key: ref.toLowerCase() }, { _id: 1 })
      .limit(1000)
      .lean<{ _id: string }[]>();
    return { pipeline_id: { $in: named.map(({ _id }) => _id) } };
  }
}

function nextOf(timing: ReturnType<typeof timingOf>, limit: number, from: Date): Page<NextSlot> {
  const data: NextSlot[] = [];
  let slot = timing.next(from);
  for (; slot && data.length < limit; slot = timing.next(slot)) data.push({ scheduled_for: slot });
  // Most schedules never end: of what is ahead no more is counted than one slot beyond the answer.
  const has_more = slot !== null;
  const total = has_more
    ? { total: data.length + 1, total_is_lower_bound: true as const }
    : { total: data.length };
  return new Page(data, { ...total, limit, offset: 0, has_more, next_cursor: null });
}

/** What was given of the policy, beside `config` or in it. @throws DomainError when the two contradict each other. */
function policyOf(beside: Policy, inside: Policy): Policy {
  const faults: ErrorDetail[] = [];
  const policy: Record<string, unknown> = {};
  for (const field of POLICY) {
    const [outer, inner] = [beside[field], inside[field]];
    if (outer !== undefined && inner !== undefined && outer !== inner) {
      const message = `says something else than '${field}' beside config; give one of them`;
      faults.push({ field: `config.${field}`, message, type: 'value_error' });
    }
    const value = outer ?? inner;
    if (value !== undefined) policy[field] = value;
  }
  if (faults.length > 0) throw invalid(faults);
  return policy;
}

/** What is to change in a config that names fields of the policy, too, so that it never contradicts the one beside it. */
const inStep = (config: Policy, policy: Policy): Policy =>
  Object.fromEntries(Object.entries(policy).filter(([field]) => field in config));

/** What was given of an object, so that absent fields do not cover those that are there. */
const given = <T extends object>(dto: T | undefined): Partial<T> =>
  Object.fromEntries(Object.entries(dto ?? {}).filter(([, value]) => value !== undefined)) as Partial<T>;

/** @param text checked already. */
const dateOf = (text: string | null | undefined): Date | null | undefined => (text && new Date(text)) || null;
