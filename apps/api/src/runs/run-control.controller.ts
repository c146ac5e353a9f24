import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Run } from '@tauro/database';
import { RerunService, RunBacklog, RunService } from '@tauro/orchestration';
import { Authenticated } from '../auth/access.decorator.js';
import { ApiData, ApiErrors, ApiInput } from '../http/openapi/decorators.js';
import { IdPipe } from '../http/path-params.js';
import { RequestId } from '../http/request-id.js';
import { RunCatalog } from './run-catalog.service.js';
import { RerunDto } from './run-control.dto.js';

const ID = new IdPipe('run');

/** What an owner can do to a run besides starting and cancelling it. */
@ApiTags('runs')
@Controller('api/v1/runs/:run_id')
export class RunControlController {
  constructor(
    private readonly catalog: RunCatalog,
    private readonly runs: RunService,
    private readonly reruns: RerunService,
    private readonly backlog: RunBacklog,
  ) {}

  /** Pause a run: nothing new starts, what runs goes on to its end */
  @Post('pause')
  @Authenticated('runs:execute')
  @HttpCode(202)
  @ApiData(Run, 202)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async pauseRun(@Param('run_id', ID) id: string) {
    return this.catalog.show(await this.runs.pause(id));
  }

  /** Resume a paused run */
  @Post('resume')
  @Authenticated('runs:execute')
  @HttpCode(202)
  @ApiData(Run, 202)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async resumeRun(@Param('run_id', ID) id: string) {
    return this.catalog.show(await this.runs.resume(id));
  }

  /** Run again what failed, everything, or what comes from a node on: a new run that starts at once */
  @Post('rerun')
  @Authenticated('runs:execute')
  @ApiInput(RerunDto, { from: 'failed' })
  @ApiData(Run, 201)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async rerunRun(@Param('run_id', ID) id: string, @Body() body: RerunDto, @RequestId() requestId: string) {
    await this.backlog.assertRoom();
    return this.catalog.show(await this.reruns.rerun(id, body.from ?? 'failed', requestId));
  }
}
