import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { ApiKey, type Public, Role, toPublic } from '@tauro/database';
import { conflict, isId, newId, notFound } from '@tauro/domain';
import { type Model } from 'mongoose';
import { type Page } from '../../http/envelope.js';
import { stale } from '../../http/etag.js';
import { findPage } from '../../http/paging/find-page.js';
import { type ListQuery } from '../../http/paging/list-query.js';
import { assertMayGrant } from '../grants.js';
import { currentPrincipal } from '../principal.js';
import { type CreateRoleDto, type UpdateRoleDto } from './role.dto.js';
import { ROLE_LIST } from './role.list.js';

const DUPLICATE_KEY = 11000;

/** Roles. A change counts from the next request on for every key and token that has the role. */
@Injectable()
export class RoleService {
  constructor(
    @InjectModel(Role.name) private readonly roles: Model<Role>,
    @InjectModel(ApiKey.name) private readonly keys: Model<ApiKey>,
  ) {}

  list(query: ListQuery): Promise<Page<Partial<Public<Role>>>> {
    return findPage(this.roles, ROLE_LIST, query);
  }

  /** @param ref its id or its name. @throws DomainError NOT_FOUND */
  async get(ref: string): Promise<Public<Role>> {
    return toPublic(await this.existing(ref));
  }

  /** @throws DomainError FORBIDDEN for more than the caller has, CONFLICT when the name is taken. */
  async create(dto: CreateRoleDto, request_id: string): Promise<Public<Role>> {
    const permissions = sorted(dto.permissions);
    assertMayGrant(currentPrincipal(), permissions, undefined);
    const now = new Date();
    const role: Role = {
      _id: newId('role', now.getTime()),
      name: dto.name,
      description: dto.description ?? '',
      permissions,
      built_in: false,
      created_at: now,
      updated_at: now,
      revision: 1,
      request_id,
    };
    await this.roles.create(role).catch((error: unknown) => {
      throw nameTaken(error, dto.name);
    });
    return toPublic(role);
  }

  /** @param expected the revision the client has seen. @throws DomainError */
  async update(ref: string, dto: UpdateRoleDto, expected?: number): Promise<Public<Role>> {
    const current = await this.changeable(ref);
    const { name, description, permissions } = dto;
    if (name !== undefined && name !== current.name) {
      throw conflict(
        `the name of a role cannot change: keys and tokens carry it; make another role '${name}'`,
      );
    }
    const changes = {
      ...(description !== undefined && { description: description ?? '' }),
      ...(permissions !== undefined && { permissions: sorted(permissions) }),
    };
    assertMayGrant(currentPrincipal(), changes.permissions ?? [], undefined);
    const changed = await this.roles
      .findOneAndUpdate(
        { _id: current._id, ...(expected !== undefined && { revision: expected }) },
        { $set: { ...changes, updated_at: new Date() }, $inc: { revision: 1 } },
        { returnDocument: 'after' },
      )
      .lean<Role | null>();
    if (changed) return toPublic(changed);
    await this.existing(ref);
    throw stale();
  }

  /** @param force also while keys have it; they lose what it allowed. @throws DomainError CONFLICT */
  async remove(ref: string, force: boolean): Promise<string> {
    const { _id, name } = await this.changeable(ref);
    const key = force
      ? null
      : await this.keys.findOne({ roles: name, revoked_at: null }, { _id: 1 }).lean<{ _id: string } | null>();
    if (key)
      throw conflict(`role '${name}' is that of key '${key._id}'; use force=true to remove it all the same`);
    await this.roles.deleteOne({ _id });
    return _id;
  }

  private async changeable(ref: string): Promise<Role> {
    const role = await this.existing(ref);
    if (role.built_in) throw conflict(`role '${role.name}' is part of the program; make one of your own`);
    return role;
  }

  private async existing(ref: string): Promise<Role> {
    const by = isId('role', ref) ? { $or: [{ _id: ref }, { name: ref }] } : { name: ref };
    const role = await this.roles.findOne(by).lean<Role | null>();
    if (!role) throw notFound('role', ref);
    return role;
  }
}

const sorted = (permissions: readonly string[]): string[] => [...new Set(permissions)].sort();

function nameTaken(error: unknown, name: string): unknown {
  return (error as { code?: number }).code === DUPLICATE_KEY
    ? conflict(`a role named '${name}' exists already`, [
        { field: 'name', message: 'is taken', type: 'conflict' },
      ])
    : error;
}
