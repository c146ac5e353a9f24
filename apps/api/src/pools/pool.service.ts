import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { Pool, type Public, Task, toPublic } from '@tauro/database';
import { ACTIVE_TASK_STATES, conflict, isId, newId, notFound } from '@tauro/domain';
import { TaskSlots } from '@tauro/orchestration';
import { type Model } from 'mongoose';
import { type Page } from '../http/envelope.js';
import { stale } from '../http/etag.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { type CreatePoolDto, type UpdatePoolDto } from './pool.dto.js';
import { POOL_LIST } from './pool.list.js';

const DUPLICATE_KEY = 11000;

/** Pools. Tasks that wait for one are let in as soon as it is made or made larger. */
@Injectable()
export class PoolService {
  constructor(
    @InjectModel(Pool.name) private readonly pools: Model<Pool>,
    @InjectModel(Task.name) private readonly tasks: Model<Task>,
    private readonly slots: TaskSlots,
  ) {}

  list(query: ListQuery): Promise<Page<Partial<Public<Pool>>>> {
    return findPage(this.pools, POOL_LIST, query, {}, (pools) => Promise.resolve(pools.map(withUse)));
  }

  /** @param ref its id or its name. @throws DomainError NOT_FOUND */
  async get(ref: string): Promise<Public<Pool>> {
    return toPublic(withUse(await this.existing(ref)));
  }

  /** @throws DomainError CONFLICT when the name is taken. */
  async create(dto: CreatePoolDto, request_id: string): Promise<Public<Pool>> {
    const now = new Date();
    const pool: Pool = {
      _id: newId('pool', now.getTime()),
      name: dto.name,
      slots: dto.slots,
      description: dto.description ?? '',
      rate_limit: dto.rate_limit ?? null,
      created_at: now,
      updated_at: now,
      revision: 1,
      request_id,
      engine: {},
    };
    await this.pools.create(pool).catch((error: unknown) => {
      throw nameTaken(error, dto.name);
    });
    await this.slots.fill([{ kind: 'pool', id: pool.name }]);
    return this.get(pool._id);
  }

  /**
   * The name cannot change, because versions of pipelines name it for ever. Fewer slots take none away.
   * @throws DomainError
   */
  async update(ref: string, dto: UpdatePoolDto, expected?: number): Promise<Public<Pool>> {
    const { _id, name } = await this.existing(ref);
    if (dto.name !== undefined && dto.name !== name) {
      throw conflict(`the name of a pool cannot change: pipelines name it; make another pool '${dto.name}'`);
    }
    const { slots, description, rate_limit } = dto;
    const changes = {
      ...(slots !== undefined && { slots }),
      ...(description !== undefined && { description: description ?? '' }),
      ...(rate_limit !== undefined && { rate_limit }),
      updated_at: new Date(),
    };
    const changed = await this.pools
      .findOneAndUpdate(
        { _id, ...(expected !== undefined && { revision: expected }) },
        { $set: changes, $inc: { revision: 1 } },
        { returnDocument: 'after' },
      )
      .lean<Pool | null>();
    if (!changed) {
      await this.existing(ref);
      throw stale();
    }
    await this.slots.fill([{ kind: 'pool', id: name }]);
    return this.get(_id);
  }

  /** @param force also while tasks need it: those that run go on, the others wait for one of the same name. */
  async remove(ref: string, force: boolean): Promise<string> {
    const { _id, name } = await this.existing(ref);
    const task = force
      ? null
      : await this.tasks
          .findOne({ 'engine.pool': name, state: { $in: ACTIVE_TASK_STATES } } as object, { run_id: 1 })
          .lean<{ run_id: string } | null>();
    if (task) {
      throw conflict(
        `pool '${name}' is needed by run '${task.run_id}'; use force=true to remove it all the same`,
      );
    }
    await this.pools.deleteOne({ _id });
    return _id;
  }

  private async existing(ref: string): Promise<Pool> {
    const by = isId('pool', ref) ? { $or: [{ _id: ref }, { name: ref }] } : { name: ref };
    const pool = await this.pools.findOne(by).lean<Pool | null>();
    if (!pool) throw notFound('pool', ref);
    return pool;
  }
}

function withUse(pool: Pool): Pool {
  const holders = pool.engine?.limit?.holders ?? [];
  return {
    ...pool,
    used_slots: holders.reduce((sum, { weight }) => sum + weight, 0),
    running_tasks: holders.length,
  };
}

function nameTaken(error: unknown, name: string): unknown {
  return (error as { code?: number }).code === DUPLICATE_KEY
    ? conflict(`a pool named '${name}' exists already`, [
        { field: 'name', message: 'is taken', type: 'conflict' },
      ])
    : error;
}
