import { Module } from '@nestjs/common';
import { DatasetsController } from './datasets.controller.js';
import { RunLineageController } from './run-lineage.controller.js';

@Module({ controllers: [DatasetsController, RunLineageController] })
export class LineageModule {}
