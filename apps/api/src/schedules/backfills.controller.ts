import { Body, Controller, Get, HttpCode, HttpStatus, Param, Post, Res } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { ApiTags } from '@nestjs/swagger';
import { Backfill, type Public, toPublic } from '@tauro/database';
import { BackfillService, percentOf, ScheduleService } from '@tauro/orchestration';
import { type Response } from 'express';
import { type Model } from 'mongoose';
import { Authenticated } from '../auth/access.decorator.js';
import { type Page } from '../http/envelope.js';
import { contentTag, EntityTag } from '../http/etag.js';
import { ApiData, ApiErrors, ApiInput, ApiList } from '../http/openapi/decorators.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { IdPipe } from '../http/path-params.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { RequestId } from '../http/request-id.js';
import { BackfillDto, BackfillPreview } from './backfill.dto.js';
import { BACKFILL_LIST, BACKFILL_QUERY } from './schedule.list.js';

const ID = new IdPipe('bf', 'backfill_id');
/** Most slots that a dry run lists. */
const MOST_LISTED = 10_000;

@ApiTags('schedules')
@Controller('api/v1')
export class BackfillsController {
  constructor(
    @InjectModel(Backfill.name) private readonly model: Model<Backfill>,
    private readonly backfills: BackfillService,
    private readonly schedules: ScheduleService,
  ) {}

  /** Make runs for slots that have passed; those that have one are skipped, so repeating it is harmless */
  @Post('schedules/:schedule_id/backfill')
  @Authenticated('schedules:manage')
  @HttpCode(202)
  @ApiInput(BackfillDto, { count: 30 })
  @ApiData(Backfill, 202, { description: 'It goes on by itself' })
  @ApiData(BackfillPreview, 200, { description: 'What it would do, with `dry_run`' })
  @ApiErrors('NOT_FOUND')
  async createBackfill(
    @Param('schedule_id', new IdPipe('sched', 'schedule_id')) id: string,
    @Body() { dry_run, start, end, ...rest }: BackfillDto,
    @RequestId() request_id: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Public<Backfill> | BackfillPreview> {
    const schedule = await this.schedules.get(id);
    const request = {
      ...rest,
      start: start === undefined ? undefined : new Date(start),
      end: end === undefined ? undefined : new Date(end),
      request_id,
    };
    if (!dry_run) return show(await this.backfills.create(schedule, request));
    response.status(HttpStatus.OK);
    return { dry_run: true, ...(await this.backfills.preview(schedule, request, MOST_LISTED)) };
  }

  /** List backfills */
  @Get('backfills')
  @Authenticated('schedules:read')
  @ApiList(Backfill)
  listBackfills(@QueryOf(BACKFILL_QUERY) query: ListQuery): Promise<Page<Partial<Public<Backfill>>>> {
    return findPage(this.model, BACKFILL_LIST, query, {}, (found) => Promise.resolve(found.map(withPercent)));
  }

  /** Get a backfill with its progress */
  @Get('backfills/:backfill_id')
  @Authenticated('schedules:read')
  @ApiData(Backfill)
  @ApiErrors('NOT_FOUND')
  @EntityTag(contentTag)
  async getBackfill(@Param('backfill_id', ID) id: string): Promise<Public<Backfill>> {
    return show(await this.backfills.get(id));
  }

  /** Cancel a backfill: it makes no more runs, and those that have not ended are cancelled */
  @Post('backfills/:backfill_id/cancel')
  @Authenticated('schedules:manage')
  @HttpCode(202)
  @ApiData(Backfill, 202)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async cancelBackfill(@Param('backfill_id', ID) id: string): Promise<Public<Backfill>> {
    return show(await this.backfills.cancel(id));
  }
}

const withPercent = (backfill: Backfill): Backfill => ({
  ...backfill,
  progress: { ...backfill.progress, percent_complete: percentOf(backfill.progress) },
});
const show = (backfill: Backfill): Public<Backfill> => toPublic(withPercent(backfill));
