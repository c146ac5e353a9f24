import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { Pipeline, Project, type Public, toPublic, Trigger, TriggerEvent } from '@tauro/database';
import {
  conflict,
  DomainError,
  type ErrorDetail,
  invalid,
  isId,
  type JsonObject,
  listOf,
  notFound,
  type TriggerKind,
  triggerTemplateFaults,
  HOOK_PURPOSE,
} from '@tauro/domain';
import { resolveParams } from '@tauro/nodes';
import { newToken, PipelineService, type TriggerChanges, TriggerService } from '@tauro/orchestration';
import { canSeal, Env, seal } from '@tauro/platform';
import { type Model } from 'mongoose';
import { stale } from '../http/etag.js';
import { type Page } from '../http/envelope.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { type Condition } from '../http/paging/list-spec.js';
import { cannotBeSealed } from '../http/sealing.js';
import { type CreateTriggerDto, type TriggerWithToken, type UpdateTriggerDto } from './trigger.dto.js';
import { EVENT_LIST, TRIGGER_LIST } from './trigger.list.js';

const HOOK_PATH = '/api/v1/hooks';
const DEFAULT_LIMIT = { calls: 60, per_seconds: 60 };
const MAX_TRIES = 20;

/** Fields that only one kind of trigger has. */
const FIELDS_OF: Record<TriggerKind, readonly (keyof CreateTriggerDto)[]> = {
  PIPELINE: ['after', 'on'],
  WEBHOOK: ['params_mapping', 'rate_limit', 'secret', 'generate_secret'],
};

/** Triggers as the API shows and changes them. */
@Injectable()
export class TriggerCatalog {
  constructor(
    @InjectModel(Trigger.name) private readonly triggers: Model<Trigger>,
    @InjectModel(TriggerEvent.name) private readonly events: Model<TriggerEvent>,
    @InjectModel(Project.name) private readonly projects: Model<Project>,
    @InjectModel(Pipeline.name) private readonly pipelines: Model<Pipeline>,
    private readonly service: TriggerService,
    private readonly pipelineService: PipelineService,
    private readonly env: Env,
  ) {}

  async list(query: ListQuery): Promise<Page<Partial<Public<Trigger>>>> {
    const base = await this.ofPipeline(query.values.pipeline_id as string | undefined);
    return findPage(this.triggers, TRIGGER_LIST, query, base);
  }

  async get(id: string): Promise<Public<Trigger>> {
    return toPublic(await this.service.get(id));
  }

  async listEvents(id: string, query: ListQuery): Promise<Page<Partial<Public<TriggerEvent>>>> {
    await this.service.get(id);
    return findPage(this.events, EVENT_LIST, query, { trigger_id: id });
  }

  /** @throws DomainError for what cannot be created, with every field named. */
  async create(dto: CreateTriggerDto, request_id: string): Promise<Public<TriggerWithToken>> {
    const { project_id, kind, params = {} } = dto;
    this.assertKind(kind, dto);
    if (kind === 'PIPELINE' && listOf(dto.after).length === 0) {
      throw invalid([
        { field: 'after', message: 'is required for a trigger of kind PIPELINE', type: 'missing' },
      ]);
    }
    if (dto.secret && dto.generate_secret) {
      const message = 'makes up a secret, and there is one in secret; give one of them';
      throw invalid([{ field: 'generate_secret', message, type: 'value_error' }]);
    }
    const made = dto.generate_secret ? newToken() : null;
    const secret = this.sealed(dto.secret ?? made, made ? 'generate_secret' : 'secret');
    const project = await this.projects.findById(project_id, { _id: 1 }).lean();
    if (!project) throw notFound('project', project_id);
    const token = kind === 'WEBHOOK' ? newToken() : null;
    const trigger = await this.service.create(
      {
        project_id,
        ...(await this.started(dto.pipeline_id, project_id, kind, params)),
        kind,
        enabled: dto.enabled ?? true,
        description: dto.description ?? '',
        params,
        tags: dto.tags ?? {},
        ...(await this.awaited(dto.after, project_id)),
        on: kind === 'PIPELINE' ? (dto.on ?? 'success') : null,
        params_mapping: dto.params_mapping ?? null,
        rate_limit: kind === 'WEBHOOK' ? limitOf(dto.rate_limit, DEFAULT_LIMIT) : null,
        request_id,
        secret,
      },
      token,
    );
    return withToken(trigger, token, made);
  }

  /** @param expected the revision the client has seen. @throws DomainError */
  async update(id: string, dto: UpdateTriggerDto, expected?: number): Promise<Public<Trigger>> {
    return this.changing(id, expected, async (current) =>
      toPublic(await this.service.update(current, await this.changesOf(current, dto))),
    );
  }

  /** @param renewSecret whether another secret is made up, too. @throws DomainError CONFLICT */
  rotate(id: string, renewSecret = false): Promise<Public<TriggerWithToken>> {
    return this.changing(id, undefined, async (current) => {
      if (current.kind !== 'WEBHOOK') throw conflict(`trigger '${id}' is no WEBHOOK and has no token`);
      const token = newToken();
      const made = renewSecret ? newToken() : null;
      const secret = this.sealed(made, 'generate_secret') ?? undefined;
      return withToken(await this.service.rotate(current, token, secret), token, made);
    });
  }

  /** What is changed is what was read, or somebody else's change would be lost. */
  private async changing<T>(
    id: string,
    expected: number | undefined,
    change: (current: Trigger) => Promise<T>,
  ): Promise<T> {
    for (let tries = 1; ; tries++) {
      const current = await this.service.get(id);
      if (expected !== undefined && current.revision !== expected) throw stale();
      try {
        return await change(current);
      } catch (error) {
        const raced = error instanceof DomainError && error.code === 'PRECONDITION_FAILED';
        if (!raced || expected !== undefined || tries === MAX_TRIES) throw error;
      }
    }
  }

  private async changesOf(current: Trigger, dto: UpdateTriggerDto): Promise<TriggerChanges> {
    const { kind, project_id } = current;
    this.assertKind(kind, dto);
    const { pipeline_id, params, after, params_mapping, rate_limit, secret, ...rest } = dto;
    if (after !== undefined && listOf(after).length === 0) {
      throw invalid([{ field: 'after', message: 'must name a pipeline', type: 'value_error' }]);
    }
    const restarted = pipeline_id !== undefined || params !== undefined;
    const repointed = restarted
      ? await this.started(pipeline_id ?? current.pipeline_id, project_id, kind, params ?? current.params)
      : {};
    return {
      ...(Object.fromEntries(
        Object.entries(rest).filter(([, value]) => value !== undefined),
      ) as TriggerChanges),
      ...repointed,
      ...(params !== undefined && { params }),
      ...(after !== undefined && (await this.awaited(after, project_id))),
      ...(params_mapping !== undefined && { params_mapping }),
      ...(rate_limit !== undefined && { rate_limit: limitOf(rate_limit, null) }),
      ...(secret !== undefined && { secret: this.sealed(secret, 'secret') }),
    };
  }

  /** @throws DomainError VALIDATION_ERROR for fields of the other kind, and templates that cannot have a value. */
  private assertKind(kind: TriggerKind, dto: Partial<CreateTriggerDto>): void {
    const other = kind === 'PIPELINE' ? 'WEBHOOK' : 'PIPELINE';
    const foreign = FIELDS_OF[other]
      .filter((field) => dto[field] !== undefined && dto[field] !== null && dto[field] !== false)
      .map((field): ErrorDetail => {
        const message = `is for a trigger of kind ${other}; this one is of kind ${kind}`;
        return { field, message, type: 'extra_forbidden' };
      });
    const faults = [
      ...foreign,
      ...triggerTemplateFaults(kind, dto.params ?? {}, 'params'),
      ...triggerTemplateFaults(kind, dto.params_mapping ?? {}, 'params_mapping'),
    ];
    if (faults.length > 0) throw invalid(faults);
  }

  /** What is started. @throws DomainError NOT_FOUND, VALIDATION_ERROR for params that it will not take. */
  private async started(ref: string, projectId: string, kind: TriggerKind, params: JsonObject) {
    const pipeline = await this.pipelineService.resolve(ref, projectId);
    // What a template gives is not known before there is a run.
    if (kind === 'PIPELINE' && !JSON.stringify(params).includes('{{')) {
      resolveParams((await this.pipelineService.definition(pipeline)).definition, params);
    }
    return { pipeline_id: pipeline._id, pipeline_name: pipeline.name };
  }

  /** What is waited for, each once. @throws DomainError NOT_FOUND */
  private async awaited(after: string | string[] | undefined, projectId: string) {
    if (after === undefined) return { after: null, after_names: null };
    const found = await Promise.all(listOf(after).map((ref) => this.pipelineService.resolve(ref, projectId)));
    const names = new Map(found.map(({ _id, name }) => [_id, name]));
    return { after: [...names.keys()], after_names: [...names.values()] };
  }

  private sealed(secret: string | null, field: string): string | null {
    if (secret === null) return null;
    if (!canSeal(this.env)) throw invalid([cannotBeSealed(field)]);
    return seal(this.env, HOOK_PURPOSE, secret);
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

const limitOf = <T>(limit: CreateTriggerDto['rate_limit'], otherwise: T) =>
  limit === undefined ? otherwise : limit && { calls: limit.calls, per_seconds: limit.per_seconds };

function withToken(trigger: Trigger, token: string | null, secret: string | null): Public<TriggerWithToken> {
  return { ...toPublic(trigger), token, path: token && `${HOOK_PATH}/${token}`, secret };
}
