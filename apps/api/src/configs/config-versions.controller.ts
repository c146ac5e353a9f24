import { Body, Controller, Get, Param, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { ConfigPromotion, ConfigVersion } from '@tauro/database';
import { type Response } from 'express';
import { Authenticated } from '../auth/access.decorator.js';
import { EntityTag } from '../http/etag.js';
import { ApiData, ApiErrors, ApiInput, ApiList } from '../http/openapi/decorators.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { IdPipe } from '../http/path-params.js';
import { id, required } from '../http/query/query-field.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { queryOf } from '../http/query/query-reader.js';
import { RequestId } from '../http/request-id.js';
import { ConfigComparison, PromoteDto, RollbackDto } from './config.dto.js';
import { PROMOTE_EXAMPLE, ROLLBACK_EXAMPLE } from './config.examples.js';
import { CONFIG_VERSION_QUERY } from './config.list.js';
import { ConfigService } from './config.service.js';
import { PromotionService } from './promotion.service.js';

const ID = new IdPipe('cfgv', 'version_id');
const COMPARISON = queryOf({
  from: required(id('cfgv', 'The older version.')),
  to: required(id('cfgv', 'The newer version; it may be one of another config.')),
});

/** The history of configs: each change made one version, and none ever changes. */
@ApiTags('configs')
@Controller('api/v1/config-versions')
export class ConfigVersionsController {
  constructor(
    private readonly configs: ConfigService,
    private readonly promotions: PromotionService,
  ) {}

  /** List versions of configs, the newest first */
  @Get()
  @Authenticated('configs:read')
  @ApiList(ConfigVersion)
  listConfigVersions(@QueryOf(CONFIG_VERSION_QUERY) query: ListQuery) {
    return this.configs.listVersions(query);
  }

  /** Compare two versions field by field */
  @Get('compare')
  @Authenticated('configs:read')
  @ApiData(ConfigComparison)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  compareConfigVersions(@QueryOf(COMPARISON) { from, to }: { from: string; to: string }) {
    return this.configs.compare(from, to);
  }

  /** Get a version with its data */
  @Get(':version_id')
  @Authenticated('configs:read')
  @ApiData(ConfigVersion)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  @EntityTag(({ hash }: ConfigVersion) => `"${hash}"`)
  getConfigVersion(@Param('version_id', ID) id: string) {
    return this.configs.getVersion(id);
  }

  /** Promote a version to the next environment, or another: at once (201), or to prod once it is approved (202) */
  @Post(':version_id/promote')
  @Authenticated('configs:write')
  @ApiInput(PromoteDto, PROMOTE_EXAMPLE, false)
  @ApiData(ConfigPromotion, 201, { description: 'It was promoted' })
  @ApiData(ConfigPromotion, 202, { description: 'It waits for an approval' })
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async promoteConfigVersion(
    @Param('version_id', ID) id: string,
    @Body() body: PromoteDto,
    @RequestId() requestId: string,
    @Res({ passthrough: true }) res: Response,
  ) {
    const promotion = await this.promotions.promote(id, body, requestId);
    if (promotion.state === 'PENDING') res.status(202);
    return promotion;
  }

  /** Go back to a version: its data becomes the newest version of its config */
  @Post(':version_id/rollback')
  @Authenticated('configs:write')
  @ApiInput(RollbackDto, ROLLBACK_EXAMPLE, false)
  @ApiData(ConfigVersion, 201)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  rollbackConfigVersion(
    @Param('version_id', ID) id: string,
    @Body() body: RollbackDto,
    @RequestId() requestId: string,
  ) {
    return this.configs.rollback(id, body.reason, requestId);
  }
}
