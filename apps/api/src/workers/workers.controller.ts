import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { WORKER_STATES, WorkerRecord, type WorkerState, toPublic } from '@tauro/database';
import { WorkerRegistry } from '@tauro/orchestration';
import { Page } from '../http/envelope.js';
import { ApiList } from '../http/openapi/decorators.js';
import { setExample } from '../http/openapi/examples.js';
import { DEFAULT_LIMIT, MAX_LIMIT } from '../http/paging/list-query.js';
import { integer, someOf, withDefault } from '../http/query/query-field.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { queryOf, type ValuesOf } from '../http/query/query-reader.js';

const FIELDS = {
  limit: withDefault(integer('Items per page.', 1, MAX_LIMIT), DEFAULT_LIMIT),
  offset: withDefault(integer('Items to skip.', 0, 1_000_000), 0),
  state: someOf<WorkerState>('Only workers in these states.', WORKER_STATES),
};
const QUERY = queryOf(FIELDS);

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
  constructor(private readonly registry: WorkerRegistry) {}

  /** List the workers seen within a day, the living first */
  @Get()
  @ApiList(WorkerRecord)
  async listWorkers(@QueryOf(QUERY) { limit, offset, state }: ValuesOf<typeof FIELDS>) {
    const all = (await this.registry.list()).filter((worker) => !state || state.includes(worker.state));
    const workers = all.slice(offset, offset + limit).map(toPublic);
    const has_more = offset + workers.length < all.length;
    return new Page(workers, { total: all.length, limit, offset, has_more, next_cursor: null });
  }
}
