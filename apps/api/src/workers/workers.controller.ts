import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { ApiTags } from '@nestjs/swagger';
import { WorkerRecord, type WorkerState, toPublic } from '@tauro/database';
import { asHeard, WorkerRegistry } from '@tauro/orchestration';
import { type Model } from 'mongoose';
import { Authenticated } from '../auth/access.decorator.js';
import { contentTag, EntityTag } from '../http/etag.js';
import { ApiData, ApiErrors, ApiList } from '../http/openapi/decorators.js';
import { setExample } from '../http/openapi/examples.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { inStates, WORKER_LIST, WORKER_QUERY } from './worker.list.js';

setExample(WorkerRecord, {
  id: 'host-1-4711-x7k2',
  host: 'host-1',
  pid: 4711,
  tags: [],
  slots: 10,
  running: 1,
  running_tasks: [
    {
      task_id: 'task_01JD0Z5K3V7M8N9P0Q1R2S3T4V0001',
      run_id: 'run_01JD0Z5K3V7M8N9P0Q1R2S3T4V',
      node_id: 'transform_data',
    },
  ],
  handlers: ['fibonacci', 'noop'],
  commands: false,
  containers: false,
  kubernetes: false,
  version: '1.0.0',
  drain_requested_at: null,
  state: 'ACTIVE',
  started_at: '2025-11-18T09:00:00.000Z',
  heartbeat_at: '2025-11-18T10:00:00.000Z',
});

@ApiTags('workers')
@Controller('api/v1/workers')
export class WorkersController {
  constructor(
    @InjectModel(WorkerRecord.name) private readonly workers: Model<WorkerRecord>,
    private readonly registry: WorkerRegistry,
  ) {}

  /** List the workers seen within a day */
  @Get()
  @Authenticated('workers:read', { deployment: true })
  @ApiList(WorkerRecord)
  async listWorkers(@QueryOf(WORKER_QUERY) query: ListQuery) {
    const silent = await this.registry.silentSince();
    const states = query.values.state as WorkerState[] | undefined;
    const heard = (workers: WorkerRecord[]) =>
      Promise.resolve(workers.map((worker) => asHeard(worker, silent)));
    return findPage(this.workers, WORKER_LIST, query, states ? inStates(states, silent) : {}, heard);
  }

  /** Get a worker */
  @Get(':worker_id')
  @Authenticated('workers:read', { deployment: true })
  @ApiData(WorkerRecord)
  @ApiErrors('NOT_FOUND')
  @EntityTag(contentTag)
  async getWorker(@Param('worker_id') id: string) {
    return toPublic(await this.registry.get(id));
  }

  /** Let a worker finish what it has and take nothing new; it stays alive, DRAINING, until it is resumed or stopped */
  @Post(':worker_id/drain')
  @Authenticated('workers:manage', { deployment: true })
  @HttpCode(202)
  @ApiData(WorkerRecord, 202)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async drainWorker(@Param('worker_id') id: string) {
    return toPublic(await this.registry.drain(id, true));
  }

  /** Let a worker that drains take tasks again */
  @Post(':worker_id/resume')
  @Authenticated('workers:manage', { deployment: true })
  @HttpCode(202)
  @ApiData(WorkerRecord, 202)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async resumeWorker(@Param('worker_id') id: string) {
    return toPublic(await this.registry.drain(id, false));
  }
}
