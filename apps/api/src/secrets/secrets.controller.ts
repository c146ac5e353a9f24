import { Body, Controller, Delete, Get, Param, Post, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Public, Secret } from '@tauro/database';
import { Authenticated } from '../auth/access.decorator.js';
import { EntityTag, IfMatch, revisionTag } from '../http/etag.js';
import { ApiData, ApiErrors, ApiInput, ApiList } from '../http/openapi/decorators.js';
import { Deleted } from '../http/openapi/envelope.dto.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { IdPipe } from '../http/path-params.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { RequestId } from '../http/request-id.js';
import {
  CREATE_SECRET_EXAMPLE,
  CreateSecretDto,
  UPDATE_SECRET_EXAMPLE,
  UpdateSecretDto,
} from './secret.dto.js';
import { SECRET_QUERY } from './secret.list.js';
import { SecretService } from './secret.service.js';

const ID = new IdPipe('sec', 'secret_id');
const TAG = ({ revision }: Public<Secret>): string => revisionTag(revision);

@ApiTags('secrets')
@Controller('api/v1/secrets')
export class SecretsController {
  constructor(private readonly secrets: SecretService) {}

  /** List secrets, without their values */
  @Get()
  @Authenticated('secrets:read')
  @ApiList(Secret)
  listSecrets(@QueryOf(SECRET_QUERY) query: ListQuery) {
    return this.secrets.list(query);
  }

  /** Create a secret; nodes name it as `{{ secrets.name }}`, and its value is never shown */
  @Post()
  @Authenticated('secrets:write')
  @ApiInput(CreateSecretDto, CREATE_SECRET_EXAMPLE)
  @ApiData(Secret, 201)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  createSecret(@Body() body: CreateSecretDto, @RequestId() requestId: string) {
    return this.secrets.create(body, requestId);
  }

  /** Get a secret, without its value */
  @Get(':secret_id')
  @Authenticated('secrets:read')
  @ApiData(Secret)
  @ApiErrors('NOT_FOUND')
  @EntityTag(TAG)
  getSecret(@Param('secret_id', ID) id: string) {
    return this.secrets.get(id);
  }

  /** Give a secret another value or description; attempts that begin from now on get the new value */
  @Put(':secret_id')
  @Authenticated('secrets:write')
  @ApiInput(UpdateSecretDto, UPDATE_SECRET_EXAMPLE)
  @ApiData(Secret)
  @ApiErrors('NOT_FOUND', 'PRECONDITION_FAILED')
  @EntityTag(TAG)
  updateSecret(
    @Param('secret_id', ID) id: string,
    @Body() body: UpdateSecretDto,
    @IfMatch() expected: number | undefined,
  ) {
    return this.secrets.update(id, body, expected);
  }

  /** Delete a secret, also one that pipelines name; their nodes fail without it */
  @Delete(':secret_id')
  @Authenticated('secrets:write')
  @ApiData(Deleted)
  @ApiErrors('NOT_FOUND')
  async deleteSecret(@Param('secret_id', ID) id: string): Promise<Deleted> {
    await this.secrets.remove(id);
    return { id, deleted: true };
  }
}
