import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { ApiKey, type Public } from '@tauro/database';
import { type Page } from '../../http/envelope.js';
import { EntityTag, IfMatch, revisionTag } from '../../http/etag.js';
import { ApiData, ApiErrors, ApiInput, ApiList } from '../../http/openapi/decorators.js';
import { Deleted } from '../../http/openapi/envelope.dto.js';
import { type ListQuery } from '../../http/paging/list-query.js';
import { IdPipe } from '../../http/path-params.js';
import { QueryOf } from '../../http/query/query-of.decorator.js';
import { RequestId } from '../../http/request-id.js';
import { Authenticated } from '../access.decorator.js';
import { CreateKeyDto, KeyWithSecret, RotateKeyDto, UpdateKeyDto } from './key.dto.js';
import { CREATE_KEY_EXAMPLE } from './key.examples.js';
import { KEY_QUERY } from './key.list.js';
import { KeyService } from './key.service.js';

const ID = new IdPipe('key');
const TAG = ({ revision }: Public<ApiKey>): string => revisionTag(revision);
const DEPLOYMENT = { deployment: true };

@ApiTags('keys')
@Controller('api/v1/keys')
export class KeysController {
  constructor(private readonly keys: KeyService) {}

  /** List API keys, without their secrets */
  @Get()
  @Authenticated('keys:manage', DEPLOYMENT)
  @ApiList(ApiKey)
  listKeys(@QueryOf(KEY_QUERY) query: ListQuery): Promise<Page<Partial<Public<ApiKey>>>> {
    return this.keys.list(query);
  }

  /** Make an API key that may do no more than you; its secret is shown only in this answer */
  @Post()
  @Authenticated('keys:manage', DEPLOYMENT)
  @ApiInput(CreateKeyDto, CREATE_KEY_EXAMPLE)
  @ApiData(KeyWithSecret, 201)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  createKey(@Body() body: CreateKeyDto, @RequestId() requestId: string): Promise<Public<KeyWithSecret>> {
    return this.keys.create(body, requestId);
  }

  /** Get an API key, without its secret */
  @Get(':key_id')
  @Authenticated('keys:manage', DEPLOYMENT)
  @ApiData(ApiKey)
  @ApiErrors('NOT_FOUND')
  @EntityTag(TAG)
  getKey(@Param('key_id', ID) id: string): Promise<Public<ApiKey>> {
    return this.keys.get(id);
  }

  /** Change an API key that may do no more than you, before and after; absent fields stay as they are */
  @Put(':key_id')
  @Authenticated('keys:manage', DEPLOYMENT)
  @ApiInput(UpdateKeyDto, { roles: ['viewer'] })
  @ApiData(ApiKey)
  @ApiErrors('NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED')
  @EntityTag(TAG)
  updateKey(
    @Param('key_id', ID) id: string,
    @Body() body: UpdateKeyDto,
    @IfMatch() expected: number | undefined,
  ): Promise<Public<ApiKey>> {
    return this.keys.update(id, body, expected);
  }

  /** Remove an API key, which ends it at once */
  @Delete(':key_id')
  @Authenticated('keys:manage', DEPLOYMENT)
  @ApiData(Deleted)
  @ApiErrors('NOT_FOUND')
  async deleteKey(@Param('key_id', ID) id: string): Promise<Deleted> {
    await this.keys.remove(id);
    return { id, deleted: true };
  }

  /** Give an API key another secret, shown only in this answer; the one before counts for the overlap */
  @Post(':key_id/rotate')
  @HttpCode(200)
  @Authenticated('keys:manage', DEPLOYMENT)
  @ApiInput(RotateKeyDto, { overlap_seconds: 3600 }, false)
  @ApiData(KeyWithSecret)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  rotateKey(@Param('key_id', ID) id: string, @Body() body: RotateKeyDto): Promise<Public<KeyWithSecret>> {
    return this.keys.rotate(id, body?.overlap_seconds ?? 0);
  }

  /** End an API key at once and for good, but keep the record of it */
  @Post(':key_id/revoke')
  @HttpCode(200)
  @Authenticated('keys:manage', DEPLOYMENT)
  @ApiData(ApiKey)
  @ApiErrors('NOT_FOUND')
  revokeKey(@Param('key_id', ID) id: string): Promise<Public<ApiKey>> {
    return this.keys.revoke(id);
  }
}
