import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Public, Trigger, TriggerEvent } from '@tauro/database';
import { TriggerService } from '@tauro/orchestration';
import { Authenticated } from '../auth/access.decorator.js';
import { EntityTag, IfMatch, revisionTag } from '../http/etag.js';
import { ApiData, ApiErrors, ApiInput, ApiList } from '../http/openapi/decorators.js';
import { Deleted } from '../http/openapi/envelope.dto.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { IdPipe } from '../http/path-params.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { RequestId } from '../http/request-id.js';
import { TriggerCatalog } from './trigger-catalog.service.js';
import { CreateTriggerDto, RotateTriggerDto, TriggerWithToken, UpdateTriggerDto } from './trigger.dto.js';
import { AFTER_EXAMPLE } from './trigger.examples.js';
import { EVENT_QUERY, TRIGGER_QUERY } from './trigger.list.js';

const ID = new IdPipe('trg', 'trigger_id');
const TAG = ({ revision }: Public<Trigger>): string => revisionTag(revision);

@ApiTags('triggers')
@Controller('api/v1/triggers')
export class TriggersController {
  constructor(
    private readonly catalog: TriggerCatalog,
    private readonly triggers: TriggerService,
  ) {}

  /** List triggers */
  @Get()
  @Authenticated('triggers:read')
  @ApiList(Trigger)
  listTriggers(@QueryOf(TRIGGER_QUERY) query: ListQuery) {
    return this.catalog.list(query);
  }

  /** Create a trigger; the token of a WEBHOOK is shown only in this answer */
  @Post()
  @Authenticated('triggers:manage')
  @ApiInput(CreateTriggerDto, AFTER_EXAMPLE)
  @ApiData(TriggerWithToken, 201)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  createTrigger(
    @Body() body: CreateTriggerDto,
    @RequestId() requestId: string,
  ): Promise<Public<TriggerWithToken>> {
    return this.catalog.create(body, requestId);
  }

  /** Get a trigger */
  @Get(':trigger_id')
  @Authenticated('triggers:read')
  @ApiData(Trigger)
  @ApiErrors('NOT_FOUND')
  @EntityTag(TAG)
  getTrigger(@Param('trigger_id', ID) id: string): Promise<Public<Trigger>> {
    return this.catalog.get(id);
  }

  /** Change a trigger; absent fields stay as they are */
  @Put(':trigger_id')
  @Authenticated('triggers:manage')
  @ApiInput(UpdateTriggerDto, { enabled: false })
  @ApiData(Trigger)
  @ApiErrors('NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED')
  @EntityTag(TAG)
  updateTrigger(
    @Param('trigger_id', ID) id: string,
    @Body() body: UpdateTriggerDto,
    @IfMatch() expected: number | undefined,
  ): Promise<Public<Trigger>> {
    return this.catalog.update(id, body, expected);
  }

  /** Delete a trigger with the record of its events; its runs stay */
  @Delete(':trigger_id')
  @Authenticated('triggers:manage')
  @ApiData(Deleted)
  @ApiErrors('NOT_FOUND')
  async deleteTrigger(@Param('trigger_id', ID) id: string): Promise<Deleted> {
    await this.triggers.remove(id);
    return { id, deleted: true };
  }

  /** Give a WEBHOOK another token, shown only in this answer; the old one ends at once */
  @Post(':trigger_id/rotate')
  @Authenticated('triggers:manage')
  @HttpCode(200)
  @ApiInput(RotateTriggerDto, { generate_secret: true }, false)
  @ApiData(TriggerWithToken)
  @ApiErrors('NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED')
  rotateTrigger(
    @Param('trigger_id', ID) id: string,
    @Body() body: RotateTriggerDto,
  ): Promise<Public<TriggerWithToken>> {
    return this.catalog.rotate(id, body?.generate_secret);
  }

  /** List what has happened so far for a trigger, with what became of it */
  @Get(':trigger_id/events')
  @Authenticated('triggers:read')
  @ApiList(TriggerEvent)
  @ApiErrors('NOT_FOUND')
  listTriggerEvents(@Param('trigger_id', ID) id: string, @QueryOf(EVENT_QUERY) query: ListQuery) {
    return this.catalog.listEvents(id, query);
  }
}
