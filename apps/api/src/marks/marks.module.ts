import { Module } from '@nestjs/common';
import { MarkService } from './mark.service.js';
import { MarksController } from './marks.controller.js';

@Module({ controllers: [MarksController], providers: [MarkService] })
export class MarksModule {}
