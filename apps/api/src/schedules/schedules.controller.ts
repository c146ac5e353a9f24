import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Public, Run, Schedule, ScheduleSlot, toPublic } from '@tauro/database';
import { ScheduleService } from '@tauro/orchestration';
import { Authenticated } from '../auth/access.decorator.js';
import { type Page } from '../http/envelope.js';
import { EntityTag, IfMatch, revisionTag } from '../http/etag.js';
import { ApiData, ApiErrors, ApiInput, ApiList } from '../http/openapi/decorators.js';
import { Deleted } from '../http/openapi/envelope.dto.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { IdPipe } from '../http/path-params.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { RequestId } from '../http/request-id.js';
import { ScheduleCatalog } from './schedule-catalog.service.js';
import { CreateScheduleDto, NextSlot, PreviewDto, TriggerDto, UpdateScheduleDto } from './schedule.dto.js';
import { CREATE_SCHEDULE_EXAMPLE } from './schedule.examples.js';
import { NEXT_QUERY, SCHEDULE_QUERY, SLOT_QUERY } from './schedule.list.js';

const ID = new IdPipe('sched', 'schedule_id');
const TAG = ({ revision }: Public<Schedule>): string => revisionTag(revision);

@ApiTags('schedules')
@Controller('api/v1/schedules')
export class SchedulesController {
  constructor(
    private readonly catalog: ScheduleCatalog,
    private readonly schedules: ScheduleService,
  ) {}

  /** List schedules */
  @Get()
  @Authenticated('schedules:read')
  @ApiList(Schedule)
  listSchedules(@QueryOf(SCHEDULE_QUERY) query: ListQuery) {
    return this.catalog.list(query);
  }

  /** Create a schedule */
  @Post()
  @Authenticated('schedules:manage')
  @ApiInput(CreateScheduleDto, CREATE_SCHEDULE_EXAMPLE)
  @ApiData(Schedule, 201)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  createSchedule(@Body() body: CreateScheduleDto, @RequestId() requestId: string): Promise<Public<Schedule>> {
    return this.catalog.create(body, requestId);
  }

  /** Look at the slots of an expression, without storing anything */
  @Post('preview')
  @Authenticated('schedules:read')
  @HttpCode(200)
  @ApiInput(PreviewDto, { kind: 'CRON', expression: '0 9 * * MON-FRI', timezone: 'Europe/Berlin', count: 5 })
  @ApiList(NextSlot)
  previewSchedule(@Body() body: PreviewDto): Page<NextSlot> {
    return this.catalog.preview(body);
  }

  /** Get a schedule */
  @Get(':schedule_id')
  @Authenticated('schedules:read')
  @ApiData(Schedule)
  @ApiErrors('NOT_FOUND')
  @EntityTag(TAG)
  getSchedule(@Param('schedule_id', ID) id: string): Promise<Public<Schedule>> {
    return this.catalog.get(id);
  }

  /** Change a schedule; absent fields stay as they are */
  @Put(':schedule_id')
  @Authenticated('schedules:manage')
  @ApiInput(UpdateScheduleDto, { expression: '30 2 * * *' })
  @ApiData(Schedule)
  @ApiErrors('NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED')
  @EntityTag(TAG)
  updateSchedule(
    @Param('schedule_id', ID) id: string,
    @Body() body: UpdateScheduleDto,
    @IfMatch() expected: number | undefined,
  ): Promise<Public<Schedule>> {
    return this.catalog.update(id, body, expected);
  }

  /** Delete a schedule with the record of its slots; its runs stay */
  @Delete(':schedule_id')
  @Authenticated('schedules:manage')
  @ApiData(Deleted)
  @ApiErrors('NOT_FOUND')
  async deleteSchedule(@Param('schedule_id', ID) id: string): Promise<Deleted> {
    await this.schedules.remove(id);
    return { id, deleted: true };
  }

  /** Enable a schedule; repeating it is harmless */
  @Post(':schedule_id/enable')
  @Authenticated('schedules:manage')
  @HttpCode(200)
  @ApiData(Schedule)
  @ApiErrors('NOT_FOUND', 'CONFLICT', 'VALIDATION_ERROR')
  async enableSchedule(@Param('schedule_id', ID) id: string): Promise<Public<Schedule>> {
    return this.catalog.enable(id, true);
  }

  /** Disable a schedule: it makes no run until it is enabled; repeating it is harmless */
  @Post(':schedule_id/disable')
  @Authenticated('schedules:manage')
  @HttpCode(200)
  @ApiData(Schedule)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async disableSchedule(@Param('schedule_id', ID) id: string): Promise<Public<Schedule>> {
    return this.catalog.enable(id, false);
  }

  /** Start a run of a schedule at once, also when it is disabled */
  @Post(':schedule_id/trigger')
  @Authenticated('schedules:manage')
  @HttpCode(202)
  @ApiInput(TriggerDto, { params: { mode: 'full_refresh' } }, false)
  @ApiData(Run, 202)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async triggerSchedule(
    @Param('schedule_id', ID) id: string,
    @Body() body: TriggerDto,
    @RequestId() requestId: string,
  ): Promise<Public<Run>> {
    return toPublic(await this.schedules.trigger(id, body?.params, requestId));
  }

  /** List when a schedule is due next, also while it is disabled */
  @Get(':schedule_id/next')
  @Authenticated('schedules:read')
  @ApiList(NextSlot)
  @ApiErrors('NOT_FOUND')
  listNextSlots(
    @Param('schedule_id', ID) id: string,
    @QueryOf(NEXT_QUERY) { count, from }: { count: number; from: Date | undefined },
  ): Promise<Page<NextSlot>> {
    return this.catalog.next(id, count, from);
  }

  /** List a schedule's slots so far, with what became of each */
  @Get(':schedule_id/slots')
  @Authenticated('schedules:read')
  @ApiList(ScheduleSlot)
  @ApiErrors('NOT_FOUND')
  listScheduleSlots(@Param('schedule_id', ID) id: string, @QueryOf(SLOT_QUERY) query: ListQuery) {
    return this.catalog.listSlots(id, query);
  }
}
