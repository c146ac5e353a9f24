import { Injectable } from '@nestjs/common';
import { invalid } from '@tauro/domain';
import {
  type Accepted,
  type CreateRun,
  RunBacklog,
  RunBatch,
  RunCreation,
  RunService,
} from '@tauro/orchestration';
import { allOf, itemsOf, tryEach } from '../http/batch/outcomes.js';
import { type Deleted } from '../http/openapi/envelope.dto.js';
import { checkedAs } from '../http/validation.pipe.js';
import { type CreateRunsDto, type RunIdsDto } from './run-batch.dto.js';
import { RunCatalog } from './run-catalog.service.js';
import { CreateRunDto, newRun } from './run.dto.js';

/** Most nodes that the runs of one batch have together: all of their tasks are in memory at once. */
const MAX_TASKS = 100_000;
/** Runs that are made at the same time where each is made by itself; each may have ten thousand tasks. */
const MADE_AT_ONCE = 10;

/** Runs by the hundred, as the API takes and shows them. */
@Injectable()
export class RunBatches {
  constructor(
    private readonly catalog: RunCatalog,
    private readonly creation: RunCreation,
    private readonly batch: RunBatch,
    private readonly service: RunService,
    private readonly backlog: RunBacklog,
  ) {}

  /** Each item is checked by itself; all are created, or with `partial` those that can be. @throws DomainError */
  async create({ runs, partial }: CreateRunsDto, request_id: string) {
    const checked = async (item: object): Promise<CreateRun> =>
      newRun(await checkedAs(CreateRunDto, item), request_id);
    if (partial) {
      const create = async (item: object) => {
        const input = await checked(item);
        if (input.start) await this.backlog.assertRoom();
        return this.catalog.show(await this.creation.create(input));
      };
      return itemsOf(await tryEach(runs, create, MADE_AT_ONCE), 201);
    }
    const accept = async (item: object): Promise<{ input: CreateRun; accepted: Accepted }> => {
      const input = await checked(item);
      return { input, accepted: await this.creation.accept(input) };
    };
    const accepted = allOf(await tryEach(runs, accept), 'runs');
    assertSize(accepted.map((one) => one.accepted));
    await this.backlog.assertRoom(accepted.filter(({ input }) => input.start).length);
    return this.catalog.showAll(await this.batch.create(accepted));
  }

  async start({ ids, partial }: RunIdsDto) {
    if (partial) {
      const start = async (id: string) => {
        await this.backlog.assertRoom([id]);
        return this.catalog.show(await this.service.start(id));
      };
      return itemsOf(await tryEach(ids, start), 202);
    }
    await this.backlog.assertRoom(ids);
    return this.catalog.showAll(await this.batch.start(ids));
  }

  async cancel({ ids, partial }: RunIdsDto) {
    if (!partial) return this.catalog.showAll(await this.batch.cancel(ids));
    const cancel = async (id: string) => this.catalog.show(await this.service.cancel(id));
    return itemsOf(await tryEach(ids, cancel), 202);
  }

  async delete({ ids, partial }: RunIdsDto) {
    const deleted = (id: string): Deleted => ({ id, deleted: true });
    if (partial)
      return itemsOf(await tryEach(ids, (id) => this.service.delete(id).then(() => deleted(id))), 200);
    await this.batch.delete(ids);
    return ids.map(deleted);
  }
}

/** @throws DomainError VALIDATION_ERROR */
function assertSize(accepted: Accepted[]): void {
  const tasks = accepted.reduce((sum, { definition }) => sum + definition.nodes.length, 0);
  if (tasks <= MAX_TASKS) return;
  const message = `would have ${tasks} tasks together, at most ${MAX_TASKS} are made at once; send several batches`;
  throw invalid([{ field: 'runs', message, type: 'too_long' }]);
}
