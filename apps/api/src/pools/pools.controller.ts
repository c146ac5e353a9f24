import { Body, Controller, Delete, Get, Param, Post, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Pool, type Public } from '@tauro/database';
import { Authenticated } from '../auth/access.decorator.js';
import { type Page } from '../http/envelope.js';
import { EntityTag, IfMatch, revisionTag } from '../http/etag.js';
import { ApiData, ApiErrors, ApiInput, ApiList } from '../http/openapi/decorators.js';
import { Deleted } from '../http/openapi/envelope.dto.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { IdOrNamePipe } from '../http/path-params.js';
import { flag } from '../http/query/query-field.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { queryOf } from '../http/query/query-reader.js';
import { RequestId } from '../http/request-id.js';
import { CREATE_POOL_EXAMPLE, CreatePoolDto, UpdatePoolDto } from './pool.dto.js';
import { POOL_QUERY } from './pool.list.js';
import { PoolService } from './pool.service.js';

const REMOVAL = queryOf({ force: flag('Remove it although tasks need it; they then wait for another.') });
const REF = new IdOrNamePipe('pool', 'pool_id');
const TAG = ({ revision }: Public<Pool>): string => revisionTag(revision);

@ApiTags('pools')
@Controller('api/v1/pools')
export class PoolsController {
  constructor(private readonly pools: PoolService) {}

  /** List pools with the slots that are taken */
  @Get()
  @Authenticated('pools:read')
  @ApiList(Pool)
  listPools(@QueryOf(POOL_QUERY) query: ListQuery): Promise<Page<Partial<Public<Pool>>>> {
    return this.pools.list(query);
  }

  /** Create a pool; tasks that wait for one of its name are let in */
  @Post()
  @Authenticated('pools:write', { deployment: true })
  @ApiInput(CreatePoolDto, CREATE_POOL_EXAMPLE)
  @ApiData(Pool, 201)
  @ApiErrors('CONFLICT')
  createPool(@Body() body: CreatePoolDto, @RequestId() requestId: string): Promise<Public<Pool>> {
    return this.pools.create(body, requestId);
  }

  /** Get a pool by id or name */
  @Get(':pool_id')
  @Authenticated('pools:read')
  @ApiData(Pool)
  @ApiErrors('NOT_FOUND')
  @EntityTag(TAG)
  getPool(@Param('pool_id', REF) ref: string): Promise<Public<Pool>> {
    return this.pools.get(ref);
  }

  /** Change a pool; absent fields stay as they are */
  @Put(':pool_id')
  @Authenticated('pools:write', { deployment: true })
  @ApiInput(UpdatePoolDto, { slots: 8 })
  @ApiData(Pool)
  @ApiErrors('NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED')
  @EntityTag(TAG)
  updatePool(
    @Param('pool_id', REF) ref: string,
    @Body() body: UpdatePoolDto,
    @IfMatch() expected: number | undefined,
  ): Promise<Public<Pool>> {
    return this.pools.update(ref, body, expected);
  }

  /** Delete a pool that no active task needs */
  @Delete(':pool_id')
  @Authenticated('pools:write', { deployment: true })
  @ApiData(Deleted)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async deletePool(
    @Param('pool_id', REF) ref: string,
    @QueryOf(REMOVAL) { force }: { force: boolean },
  ): Promise<Deleted> {
    return { id: await this.pools.remove(ref, force), deleted: true };
  }
}
