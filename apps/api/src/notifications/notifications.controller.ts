import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { ApiTags } from '@nestjs/swagger';
import { Notification, type Public, toPublic } from '@tauro/database';
import { notFound } from '@tauro/domain';
import { NotificationOutbox } from '@tauro/orchestration';
import { type Model } from 'mongoose';
import { Authenticated } from '../auth/access.decorator.js';
import { type Page } from '../http/envelope.js';
import { contentTag, EntityTag } from '../http/etag.js';
import { ApiData, ApiErrors, ApiList } from '../http/openapi/decorators.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { IdPipe } from '../http/path-params.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import './notification.examples.js';
import { NOTIFICATION_LIST, NOTIFICATION_QUERY } from './notification.list.js';

const ID = new IdPipe('ntf', 'notification_id');

@ApiTags('notifications')
@Controller('api/v1/notifications')
export class NotificationsController {
  constructor(
    @InjectModel(Notification.name) private readonly notifications: Model<Notification>,
    private readonly outbox: NotificationOutbox,
  ) {}

  /** List notifications: what was sent, what waits, and what was given up (`state=DEAD`) */
  @Get()
  @Authenticated('notifications:read')
  @ApiList(Notification)
  listNotifications(
    @QueryOf(NOTIFICATION_QUERY) query: ListQuery,
  ): Promise<Page<Partial<Public<Notification>>>> {
    return findPage(this.notifications, NOTIFICATION_LIST, query);
  }

  /** Get a notification with what it says and why it was not sent */
  @Get(':notification_id')
  @Authenticated('notifications:read')
  @ApiData(Notification)
  @ApiErrors('NOT_FOUND')
  @EntityTag(contentTag)
  async getNotification(@Param('notification_id', ID) id: string): Promise<Public<Notification>> {
    const notification = await this.notifications.findById(id).lean<Notification | null>();
    if (!notification) throw notFound('notification', id);
    return toPublic(notification);
  }

  /** Send a notification that is DEAD again, with all its attempts before it */
  @Post(':notification_id/retry')
  @Authenticated('notifications:manage')
  @HttpCode(202)
  @ApiData(Notification, 202)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async retryNotification(@Param('notification_id', ID) id: string): Promise<Public<Notification>> {
    return toPublic(await this.outbox.retry(id));
  }
}
