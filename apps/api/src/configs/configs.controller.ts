import { Body, Controller, Delete, Get, Param, Post, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Config, type Public } from '@tauro/database';
import { Authenticated } from '../auth/access.decorator.js';
import { EntityTag, IfMatch, revisionTag } from '../http/etag.js';
import { ApiData, ApiErrors, ApiInput, ApiList } from '../http/openapi/decorators.js';
import { Deleted } from '../http/openapi/envelope.dto.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { IdPipe } from '../http/path-params.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { RequestId } from '../http/request-id.js';
import { CreateConfigDto, UpdateConfigDto } from './config.dto.js';
import { CREATE_CONFIG_EXAMPLE, UPDATE_CONFIG_EXAMPLE } from './config.examples.js';
import { CONFIG_QUERY } from './config.list.js';
import { ConfigService } from './config.service.js';

const ID = new IdPipe('cfg', 'config_id');
const TAG = ({ revision }: Public<Config>): string => revisionTag(revision);

@ApiTags('configs')
@Controller('api/v1/configs')
export class ConfigsController {
  constructor(private readonly configs: ConfigService) {}

  /** List configs */
  @Get()
  @Authenticated('configs:read')
  @ApiList(Config)
  listConfigs(@QueryOf(CONFIG_QUERY) query: ListQuery) {
    return this.configs.list(query);
  }

  /** Create a config, with its first version */
  @Post()
  @Authenticated('configs:write')
  @ApiInput(CreateConfigDto, CREATE_CONFIG_EXAMPLE)
  @ApiData(Config, 201)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  createConfig(@Body() body: CreateConfigDto, @RequestId() requestId: string) {
    return this.configs.create(body, requestId);
  }

  /** Get a config as it is now */
  @Get(':config_id')
  @Authenticated('configs:read')
  @ApiData(Config)
  @ApiErrors('NOT_FOUND')
  @EntityTag(TAG)
  getConfig(@Param('config_id', ID) id: string) {
    return this.configs.get(id);
  }

  /** Change a config; other data makes a new version, absent fields stay as they are */
  @Put(':config_id')
  @Authenticated('configs:write')
  @ApiInput(UpdateConfigDto, UPDATE_CONFIG_EXAMPLE)
  @ApiData(Config)
  @ApiErrors('NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED')
  @EntityTag(TAG)
  updateConfig(
    @Param('config_id', ID) id: string,
    @Body() body: UpdateConfigDto,
    @IfMatch() expected: number | undefined,
    @RequestId() requestId: string,
  ) {
    return this.configs.update(id, body, expected, requestId);
  }

  /** Delete a config; its versions stay, and so do runs that are pinned to them */
  @Delete(':config_id')
  @Authenticated('configs:write')
  @ApiData(Deleted)
  @ApiErrors('NOT_FOUND')
  async deleteConfig(@Param('config_id', ID) id: string): Promise<Deleted> {
    await this.configs.remove(id);
    return { id, deleted: true };
  }
}
