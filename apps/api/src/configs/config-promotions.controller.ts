import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { ConfigPromotion } from '@tauro/database';
import { Authenticated } from '../auth/access.decorator.js';
import { contentTag, EntityTag } from '../http/etag.js';
import { ApiData, ApiErrors, ApiInput, ApiList } from '../http/openapi/decorators.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { IdPipe } from '../http/path-params.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { RequestId } from '../http/request-id.js';
import { PromotionDecisionDto } from './config.dto.js';
import { APPROVAL_EXAMPLE } from './config.examples.js';
import { PROMOTION_QUERY } from './config.list.js';
import { PromotionService } from './promotion.service.js';

const ID = new IdPipe('cfgp', 'promotion_id');

/** Promotions of config versions, and what was decided about them. */
@ApiTags('configs')
@Controller('api/v1/config-promotions')
export class ConfigPromotionsController {
  constructor(private readonly promotions: PromotionService) {}

  /** List promotions, the newest first */
  @Get()
  @Authenticated('configs:read')
  @ApiList(ConfigPromotion)
  listConfigPromotions(@QueryOf(PROMOTION_QUERY) query: ListQuery) {
    return this.promotions.list(query);
  }

  /** Get a promotion */
  @Get(':promotion_id')
  @Authenticated('configs:read')
  @ApiData(ConfigPromotion)
  @ApiErrors('NOT_FOUND')
  @EntityTag(contentTag)
  getConfigPromotion(@Param('promotion_id', ID) id: string) {
    return this.promotions.get(id);
  }

  /** Approve a promotion that waits for it, which carries it out; not by who asked for it */
  @Post(':promotion_id/approve')
  @Authenticated('configs:promote')
  @HttpCode(200)
  @ApiInput(PromotionDecisionDto, APPROVAL_EXAMPLE, false)
  @ApiData(ConfigPromotion)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  approveConfigPromotion(
    @Param('promotion_id', ID) id: string,
    @Body() body: PromotionDecisionDto,
    @RequestId() requestId: string,
  ) {
    return this.promotions.approve(id, body.comment, requestId);
  }

  /** Reject a promotion that waits for approval */
  @Post(':promotion_id/reject')
  @Authenticated('configs:promote')
  @HttpCode(200)
  @ApiInput(PromotionDecisionDto, { comment: 'not before the weekend' }, false)
  @ApiData(ConfigPromotion)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  rejectConfigPromotion(@Param('promotion_id', ID) id: string, @Body() body: PromotionDecisionDto) {
    return this.promotions.reject(id, body.comment);
  }
}
