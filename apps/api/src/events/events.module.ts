import { Module } from '@nestjs/common';
import { OpenStreams } from '../http/open-streams.js';
import { EventsController } from './events.controller.js';

/** Changes of state, as they happen. */
@Module({ controllers: [EventsController], providers: [OpenStreams] })
export class EventsModule {}
