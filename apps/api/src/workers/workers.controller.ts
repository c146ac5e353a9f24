import { Controller, Get } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { ApiTags } from '@nestjs/swagger';
import { WorkerRecord, type WorkerState } from '@tauro/database';
import { asHeard, WorkerRegistry } from '@tauro/orchestration';
import { type Model } from 'mongoose';
import { ApiList } from '../http/openapi/decorators.js';
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
  running: 3,
  handlers: ['fibonacci', 'noop'],
  version: '1.0.0',
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
  @ApiList(WorkerRecord)
  async listWorkers(@QueryOf(WORKER_QUERY) query: ListQuery) {
    const silent = await this.registry.silentSince();
    const states = query.values.state as WorkerState[] | undefined;
    const heard = (workers: WorkerRecord[]) =>
      Promise.resolve(workers.map((worker) => asHeard(worker, silent)));
    return findPage(this.workers, WORKER_LIST, query, states ? inStates(states, silent) : {}, heard);
  }
}
