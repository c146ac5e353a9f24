import { Body, Controller, Delete, Get, Param, Post, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Public, Role } from '@tauro/database';
import { type Page } from '../../http/envelope.js';
import { EntityTag, IfMatch, revisionTag } from '../../http/etag.js';
import { ApiData, ApiErrors, ApiInput, ApiList } from '../../http/openapi/decorators.js';
import { Deleted } from '../../http/openapi/envelope.dto.js';
import { type ListQuery } from '../../http/paging/list-query.js';
import { IdOrNamePipe } from '../../http/path-params.js';
import { flag } from '../../http/query/query-field.js';
import { QueryOf } from '../../http/query/query-of.decorator.js';
import { queryOf } from '../../http/query/query-reader.js';
import { RequestId } from '../../http/request-id.js';
import { Authenticated } from '../access.decorator.js';
import { CREATE_ROLE_EXAMPLE, CreateRoleDto, UpdateRoleDto } from './role.dto.js';
import { ROLE_QUERY } from './role.list.js';
import { RoleService } from './role.service.js';

const REMOVAL = queryOf({ force: flag('Remove it although keys have it; they lose what it allows.') });
const REF = new IdOrNamePipe('role', 'role_id');
const TAG = ({ revision }: Public<Role>): string => revisionTag(revision);
const DEPLOYMENT = { deployment: true };

@ApiTags('roles')
@Controller('api/v1/roles')
export class RolesController {
  constructor(private readonly roles: RoleService) {}

  /** List roles, built-in ones included, with what they allow */
  @Get()
  @Authenticated('roles:manage', DEPLOYMENT)
  @ApiList(Role)
  listRoles(@QueryOf(ROLE_QUERY) query: ListQuery): Promise<Page<Partial<Public<Role>>>> {
    return this.roles.list(query);
  }

  /** Make a role that allows no more than you may do */
  @Post()
  @Authenticated('roles:manage', DEPLOYMENT)
  @ApiInput(CreateRoleDto, CREATE_ROLE_EXAMPLE)
  @ApiData(Role, 201)
  @ApiErrors('CONFLICT')
  createRole(@Body() body: CreateRoleDto, @RequestId() requestId: string): Promise<Public<Role>> {
    return this.roles.create(body, requestId);
  }

  /** Get a role by id or name */
  @Get(':role_id')
  @Authenticated('roles:manage', DEPLOYMENT)
  @ApiData(Role)
  @ApiErrors('NOT_FOUND')
  @EntityTag(TAG)
  getRole(@Param('role_id', REF) ref: string): Promise<Public<Role>> {
    return this.roles.get(ref);
  }

  /** Change a role of your own making; absent fields stay as they are */
  @Put(':role_id')
  @Authenticated('roles:manage', DEPLOYMENT)
  @ApiInput(UpdateRoleDto, { permissions: ['runs:read'] })
  @ApiData(Role)
  @ApiErrors('NOT_FOUND', 'CONFLICT', 'PRECONDITION_FAILED')
  @EntityTag(TAG)
  updateRole(
    @Param('role_id', REF) ref: string,
    @Body() body: UpdateRoleDto,
    @IfMatch() expected: number | undefined,
  ): Promise<Public<Role>> {
    return this.roles.update(ref, body, expected);
  }

  /** Delete a role that no key has */
  @Delete(':role_id')
  @Authenticated('roles:manage', DEPLOYMENT)
  @ApiData(Deleted)
  @ApiErrors('NOT_FOUND', 'CONFLICT')
  async deleteRole(
    @Param('role_id', REF) ref: string,
    @QueryOf(REMOVAL) { force }: { force: boolean },
  ): Promise<Deleted> {
    return { id: await this.roles.remove(ref, force), deleted: true };
  }
}
