import { Module } from '@nestjs/common';
import { OpenStreams } from '../http/open-streams.js';
import { ApprovalsController } from './approvals.controller.js';
import { LogsController } from './logs.controller.js';
import { RunBatchController } from './run-batch.controller.js';
import { RunBatches } from './run-batches.service.js';
import { RunCatalog } from './run-catalog.service.js';
import { RunControlController } from './run-control.controller.js';
import { RunsController } from './runs.controller.js';

@Module({
  controllers: [
    RunBatchController,
    ApprovalsController,
    RunsController,
    RunControlController,
    LogsController,
  ],
  providers: [OpenStreams, RunBatches, RunCatalog],
})
export class RunsModule {}
