import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Public, Connection } from '@tauro/database';
import { Authenticated } from '../auth/access.decorator.js';
import { EntityTag, IfMatch, revisionTag } from '../http/etag.js';
import { ApiData, ApiErrors, ApiInput, ApiList } from '../http/openapi/decorators.js';
import { Deleted } from '../http/openapi/envelope.dto.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { IdPipe } from '../http/path-params.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { RequestId } from '../http/request-id.js';
import {
  ConnectionVerdict,
  CREATE_CONNECTION_EXAMPLE,
  CreateConnectionDto,
  UPDATE_CONNECTION_EXAMPLE,
  UpdateConnectionDto,
} from './connection.dto.js';
import { CONNECTION_QUERY } from './connection.list.js';
import { ConnectionService } from './connection.service.js';
import { ConnectionTester } from './connection-tester.js';

const ID = new IdPipe('conn', 'connection_id');
const TAG = ({ revision }: Public<Connection>): string => revisionTag(revision);

@ApiTags('connections')
@Controller('api/v1/connections')
export class ConnectionsController {
  constructor(
    private readonly connections: ConnectionService,
    private readonly tester: ConnectionTester,
  ) {}

  /** List connections; their secrets are not shown */
  @Get()
  @Authenticated('connections:read')
  @ApiList(Connection)
  listConnections(@QueryOf(CONNECTION_QUERY) query: ListQuery) {
    return this.connections.list(query);
  }

  /** Create a connection, which nodes name */
  @Post()
  @Authenticated('connections:write')
  @ApiInput(CreateConnectionDto, CREATE_CONNECTION_EXAMPLE)
  @ApiData(Connection, 201)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  createConnection(@Body() body: CreateConnectionDto, @RequestId() requestId: string) {
    return this.connections.create(body, requestId);
  }

  /** Get a connection; its secrets are not shown */
  @Get(':connection_id')
  @Authenticated('connections:read')
  @ApiData(Connection)
  @ApiErrors('NOT_FOUND')
  @EntityTag(TAG)
  getConnection(@Param('connection_id', ID) id: string) {
    return this.connections.get(id);
  }

  /** Change a connection; attempts that begin from now on use it as it is then */
  @Put(':connection_id')
  @Authenticated('connections:write')
  @ApiInput(UpdateConnectionDto, UPDATE_CONNECTION_EXAMPLE)
  @ApiData(Connection)
  @ApiErrors('NOT_FOUND', 'PRECONDITION_FAILED')
  @EntityTag(TAG)
  updateConnection(
    @Param('connection_id', ID) id: string,
    @Body() body: UpdateConnectionDto,
    @IfMatch() expected: number | undefined,
  ) {
    return this.connections.update(id, body, expected);
  }

  /** Delete a connection, also one that pipelines name; their nodes fail without it */
  @Delete(':connection_id')
  @Authenticated('connections:write')
  @ApiData(Deleted)
  @ApiErrors('NOT_FOUND')
  async deleteConnection(@Param('connection_id', ID) id: string): Promise<Deleted> {
    await this.connections.remove(id);
    return { id, deleted: true };
  }

  /** Try a connection out: it logs in, asks who is there, and says what is wrong if that fails */
  @Post(':connection_id/test')
  @HttpCode(200)
  @Authenticated('connections:write')
  @ApiData(ConnectionVerdict)
  @ApiErrors('NOT_FOUND')
  testConnection(@Param('connection_id', ID) id: string) {
    return this.tester.test(id);
  }
}
