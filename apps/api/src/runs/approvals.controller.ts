import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { WaitService } from '@tauro/orchestration';
import { Authenticated } from '../auth/access.decorator.js';
import { currentPrincipal } from '../auth/principal.js';
import { ApiData, ApiErrors, ApiInput } from '../http/openapi/decorators.js';
import { IdOrNamePipe, IdPipe } from '../http/path-params.js';
import { RunCatalog } from './run-catalog.service.js';
import { DecisionDto } from './run-control.dto.js';
import { TaskView } from './run.dto.js';
import { APPROVE_EXAMPLE, REJECT_EXAMPLE } from './run.examples.js';

const RUN = new IdPipe('run');
const TASK = new IdOrNamePipe('task', 'task');

/** What a person decides about an `approval` node. */
@ApiTags('runs')
@Controller('api/v1/runs/:run_id/tasks/:task')
export class ApprovalsController {
  constructor(
    private readonly catalog: RunCatalog,
    private readonly waits: WaitService,
  ) {}

  /** Approve a task that waits for it, by its id or the id of its node: it ends SUCCESS */
  @Post('approve')
  @Authenticated('runs:approve')
  @HttpCode(200)
  @ApiInput(DecisionDto, APPROVE_EXAMPLE, false)
  @ApiData(TaskView)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async approveTask(
    @Param('run_id', RUN) id: string,
    @Param('task', TASK) task: string,
    @Body() body: DecisionDto,
  ) {
    return this.catalog.showTask(await this.waits.decide(id, task, { approved: true, ...signed(body) }));
  }

  /** Reject a task that waits for approval, by its id or the id of its node: it ends FAILED */
  @Post('reject')
  @Authenticated('runs:approve')
  @HttpCode(200)
  @ApiInput(DecisionDto, REJECT_EXAMPLE, false)
  @ApiData(TaskView)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async rejectTask(
    @Param('run_id', RUN) id: string,
    @Param('task', TASK) task: string,
    @Body() body: DecisionDto,
  ) {
    return this.catalog.showTask(await this.waits.decide(id, task, { approved: false, ...signed(body) }));
  }
}

/** A decision under the name of whoever makes it: what somebody says of himself counts only where nobody is known. */
function signed(decision: DecisionDto): DecisionDto {
  const { kind, name } = currentPrincipal();
  return kind === 'anonymous' ? decision : { ...decision, by: name };
}
