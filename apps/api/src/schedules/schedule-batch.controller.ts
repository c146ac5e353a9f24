import { Body, Controller, Delete, HttpCode, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Schedule } from '@tauro/database';
import { type Response } from 'express';
import { Authenticated } from '../auth/access.decorator.js';
import { ApiBatch, ApiErrors, ApiInput } from '../http/openapi/decorators.js';
import { Deleted } from '../http/openapi/envelope.dto.js';
import { RequestId } from '../http/request-id.js';
import { CreateSchedulesDto, ScheduleIdsDto } from './schedule-batch.dto.js';
import { ScheduleCatalog } from './schedule-catalog.service.js';
import { CREATE_SCHEDULE_EXAMPLE } from './schedule.examples.js';

const IDS_EXAMPLE = { ids: ['sched_01JD0Z5K3V7M8N9P0Q1R2S3T4V', 'sched_01JD0Z5K3V7M8N9P0Q1R2S3T4W'] };

/** Many schedules at a time. Mounted before the other routes, for which `batch` would be an id. */
@ApiTags('schedules')
@Controller('api/v1/schedules/batch')
export class ScheduleBatchController {
  constructor(private readonly catalog: ScheduleCatalog) {}

  /** Create up to 1,000 schedules, all or none; with `partial` those that can be, and an answer for each */
  @Post()
  @Authenticated('schedules:manage')
  @ApiInput(CreateSchedulesDto, { schedules: [CREATE_SCHEDULE_EXAMPLE] })
  @ApiBatch(Schedule, 201)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  createSchedules(
    @Body() body: CreateSchedulesDto,
    @RequestId() requestId: string,
    @Res({ passthrough: true }) res: Response,
  ) {
    if (body.partial) res.status(200);
    return this.catalog.createAll(body, requestId);
  }

  /** Delete schedules with the records of their slots, all or none; their runs stay */
  @Delete()
  @Authenticated('schedules:manage')
  @ApiInput(ScheduleIdsDto, IDS_EXAMPLE)
  @ApiBatch(Deleted)
  @ApiErrors('NOT_FOUND')
  deleteSchedules(@Body() body: ScheduleIdsDto) {
    return this.catalog.removeAll(body);
  }

  /** Enable schedules, all or none; repeating it is harmless */
  @Post('enable')
  @Authenticated('schedules:manage')
  @HttpCode(200)
  @ApiInput(ScheduleIdsDto, IDS_EXAMPLE)
  @ApiBatch(Schedule)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  enableSchedules(@Body() body: ScheduleIdsDto) {
    return this.catalog.enableAll(body, true);
  }

  /** Disable schedules, all or none; repeating it is harmless */
  @Post('disable')
  @Authenticated('schedules:manage')
  @HttpCode(200)
  @ApiInput(ScheduleIdsDto, IDS_EXAMPLE)
  @ApiBatch(Schedule)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  disableSchedules(@Body() body: ScheduleIdsDto) {
    return this.catalog.enableAll(body, false);
  }
}
