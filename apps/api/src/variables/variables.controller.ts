import { Body, Controller, Delete, Get, Param, Post, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Public, Variable } from '@tauro/database';
import { Authenticated } from '../auth/access.decorator.js';
import { EntityTag, IfMatch, revisionTag } from '../http/etag.js';
import { ApiData, ApiErrors, ApiInput, ApiList } from '../http/openapi/decorators.js';
import { Deleted } from '../http/openapi/envelope.dto.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { IdPipe } from '../http/path-params.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { RequestId } from '../http/request-id.js';
import {
  CREATE_VARIABLE_EXAMPLE,
  CreateVariableDto,
  UPDATE_VARIABLE_EXAMPLE,
  UpdateVariableDto,
} from './variable.dto.js';
import { VARIABLE_QUERY } from './variable.list.js';
import { VariableService } from './variable.service.js';

const ID = new IdPipe('var', 'variable_id');
const TAG = ({ revision }: Public<Variable>): string => revisionTag(revision);

@ApiTags('variables')
@Controller('api/v1/variables')
export class VariablesController {
  constructor(private readonly variables: VariableService) {}

  /** List variables */
  @Get()
  @Authenticated('variables:read')
  @ApiList(Variable)
  listVariables(@QueryOf(VARIABLE_QUERY) query: ListQuery) {
    return this.variables.list(query);
  }

  /** Create a variable, which nodes read as `{{ variables.name }}` */
  @Post()
  @Authenticated('variables:write')
  @ApiInput(CreateVariableDto, CREATE_VARIABLE_EXAMPLE)
  @ApiData(Variable, 201)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  createVariable(@Body() body: CreateVariableDto, @RequestId() requestId: string) {
    return this.variables.create(body, requestId);
  }

  /** Get a variable */
  @Get(':variable_id')
  @Authenticated('variables:read')
  @ApiData(Variable)
  @ApiErrors('NOT_FOUND')
  @EntityTag(TAG)
  getVariable(@Param('variable_id', ID) id: string) {
    return this.variables.get(id);
  }

  /** Give a variable another value or description; attempts that begin from now on get it */
  @Put(':variable_id')
  @Authenticated('variables:write')
  @ApiInput(UpdateVariableDto, UPDATE_VARIABLE_EXAMPLE)
  @ApiData(Variable)
  @ApiErrors('NOT_FOUND', 'PRECONDITION_FAILED')
  @EntityTag(TAG)
  updateVariable(
    @Param('variable_id', ID) id: string,
    @Body() body: UpdateVariableDto,
    @IfMatch() expected: number | undefined,
  ) {
    return this.variables.update(id, body, expected);
  }

  /** Delete a variable, also one that pipelines name; their nodes fail without it */
  @Delete(':variable_id')
  @Authenticated('variables:write')
  @ApiData(Deleted)
  @ApiErrors('NOT_FOUND')
  async deleteVariable(@Param('variable_id', ID) id: string): Promise<Deleted> {
    await this.variables.remove(id);
    return { id, deleted: true };
  }
}
