import { Body, Controller, Delete, HttpCode, Post, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Run } from '@tauro/database';
import { type Response } from 'express';
import { Authenticated } from '../auth/access.decorator.js';
import { ApiBatch, ApiErrors, ApiInput } from '../http/openapi/decorators.js';
import { Deleted } from '../http/openapi/envelope.dto.js';
import { RequestId } from '../http/request-id.js';
import { CreateRunsDto, RunIdsDto } from './run-batch.dto.js';
import { RunBatches } from './run-batches.service.js';
import { CREATE_RUN_EXAMPLE } from './run.examples.js';

const IDS_EXAMPLE = { ids: ['run_01JD0Z5K3V7M8N9P0Q1R2S3T4V', 'run_01JD0Z5K3V7M8N9P0Q1R2S3T4W'] };

/** Many runs at a time. Mounted before the other routes, for which `batch` would be an id. */
@ApiTags('runs')
@Controller('api/v1/runs/batch')
export class RunBatchController {
  constructor(private readonly batches: RunBatches) {}

  /** Create up to 1,000 runs, all or none; with `partial` those that can be, and an answer for each */
  @Post()
  @Authenticated('runs:execute')
  @ApiInput(CreateRunsDto, { runs: [CREATE_RUN_EXAMPLE] })
  @ApiBatch(Run, 201)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  createRuns(
    @Body() body: CreateRunsDto,
    @RequestId() requestId: string,
    @Res({ passthrough: true }) res: Response,
  ) {
    if (body.partial) res.status(200);
    return this.batches.create(body, requestId);
  }

  /** Delete runs that have ended with all they left, all or none */
  @Delete()
  @Authenticated('runs:execute')
  @ApiInput(RunIdsDto, IDS_EXAMPLE)
  @ApiBatch(Deleted)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  deleteRuns(@Body() body: RunIdsDto) {
    return this.batches.delete(body);
  }

  /** Start runs, all or none; repeating it is harmless */
  @Post('start')
  @HttpCode(202)
  @Authenticated('runs:execute')
  @ApiInput(RunIdsDto, IDS_EXAMPLE)
  @ApiBatch(Run, 202)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  startRuns(@Body() body: RunIdsDto, @Res({ passthrough: true }) res: Response) {
    if (body.partial) res.status(200);
    return this.batches.start(body);
  }

  /** Cancel runs, all or none; each ends when its running tasks have stopped */
  @Post('cancel')
  @HttpCode(202)
  @Authenticated('runs:execute')
  @ApiInput(RunIdsDto, IDS_EXAMPLE)
  @ApiBatch(Run, 202)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  cancelRuns(@Body() body: RunIdsDto, @Res({ passthrough: true }) res: Response) {
    if (body.partial) res.status(200);
    return this.batches.cancel(body);
  }
}
