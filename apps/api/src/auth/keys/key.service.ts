import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { ApiKey, newApiKey, Project, type Public, toPublic } from '@tauro/database';
import { conflict, newKeySecret, notFound, rotated } from '@tauro/domain';
import { apiKeyHash, canSeal, Env } from '@tauro/platform';
import { type Model } from 'mongoose';
import { type Page } from '../../http/envelope.js';
import { stale } from '../../http/etag.js';
import { findPage } from '../../http/paging/find-page.js';
import { type ListQuery } from '../../http/paging/list-query.js';
import { CANNOT_BE_KEPT } from '../../http/sealing.js';
import { assertMayGrant } from '../grants.js';
import { currentPrincipal } from '../principal.js';
import { RoleBook } from '../roles/role-book.service.js';
import { type CreateKeyDto, type KeyWithSecret, type UpdateKeyDto } from './key.dto.js';
import { KEY_LIST } from './key.list.js';

type Rights = Pick<ApiKey, 'roles' | 'permissions' | 'project_ids' | 'expires_at'>;

/** API keys. A secret leaves the server once, in the answer that made it. */
@Injectable()
export class KeyService {
  private readonly hash: (secret: string) => string;

  constructor(
    @InjectModel(ApiKey.name) private readonly keys: Model<ApiKey>,
    @InjectModel(Project.name) private readonly projects: Model<Project>,
    private readonly roles: RoleBook,
    private readonly env: Env,
  ) {
    this.hash = apiKeyHash(env);
  }

  list(query: ListQuery): Promise<Page<Partial<Public<ApiKey>>>> {
    return findPage(this.keys, KEY_LIST, query);
  }

  /** @throws DomainError NOT_FOUND */
  async get(id: string): Promise<Public<ApiKey>> {
    return toPublic(await this.existing(id));
  }

  /** @throws DomainError FORBIDDEN for more than the caller has, NOT_FOUND for an absent project, VALIDATION_ERROR */
  async create(dto: CreateKeyDto, request_id: string): Promise<Public<KeyWithSecret>> {
    this.assertSafe();
    const rights: Rights = {
      roles: unique(dto.roles ?? []),
      permissions: unique(dto.permissions ?? []),
      project_ids: dto.project_ids ? unique(dto.project_ids) : null,
      expires_at: dateOf(dto.expires_at),
    };
    await this.assertExisting(rights);
    await this.assertMine(rights);
    const origin = { created_by: currentPrincipal().id, request_id };
    const { key, secret } = newApiKey({ name: dto.name, ...rights }, origin, this.hash);
    await this.keys.create(key);
    return { ...toPublic(key), secret };
  }

  /** @param expected the revision the client has seen. @throws DomainError */
  async update(id: string, dto: UpdateKeyDto, expected?: number): Promise<Public<ApiKey>> {
    const current = await this.usable(id);
    const { name, roles, permissions, project_ids, expires_at } = dto;
    const changes = {
      ...(name !== undefined && { name }),
      ...(roles !== undefined && { roles: unique(roles) }),
      ...(permissions !== undefined && { permissions: unique(permissions) }),
      ...(project_ids !== undefined && { project_ids: project_ids && unique(project_ids) }),
      ...(expires_at !== undefined && { expires_at: dateOf(expires_at) }),
    };
    await this.assertExisting(changes);
    await this.assertMine({ ...current, ...changes });
    return toPublic(await this.write(current, changes, expected));
  }

  /** Gives it another secret. @param overlap seconds for which the one before counts as well. @throws DomainError */
  async rotate(id: string, overlap: number, expected?: number): Promise<Public<KeyWithSecret>> {
    this.assertSafe();
    const current = await this.usable(id);
    await this.assertMine(current);
    const { secret, prefix } = newKeySecret(id);
    const now = new Date();
    const secrets = rotated(current.engine.secrets, this.hash(secret), overlap, now);
    const changed = await this.write(current, { prefix, rotated_at: now, engine: { secrets } }, expected);
    return { ...toPublic(changed), secret };
  }

  /** Ends it for good; repeating that is harmless. @throws DomainError NOT_FOUND */
  async revoke(id: string): Promise<Public<ApiKey>> {
    const now = new Date();
    await this.keys.updateOne(
      { _id: id, revoked_at: null },
      { $set: { revoked_at: now, updated_at: now }, $inc: { revision: 1 } },
    );
    return this.get(id);
  }

  /** @throws DomainError NOT_FOUND */
  async remove(id: string): Promise<void> {
    const { deletedCount } = await this.keys.deleteOne({ _id: id });
    if (deletedCount === 0) throw notFound('key', id);
  }

  private async existing(id: string): Promise<ApiKey> {
    const key = await this.keys.findById(id).lean<ApiKey | null>();
    if (!key) throw notFound('key', id);
    return key;
  }

  private async usable(id: string): Promise<ApiKey> {
    const key = await this.existing(id);
    if (key.revoked_at) throw conflict(`key '${id}' was revoked for good; make another one`);
    return key;
  }

  /** Only what was checked is changed: a key that somebody changed or revoked in between stays as they left it. */
  private async write(current: ApiKey, changes: Partial<ApiKey>, expected?: number): Promise<ApiKey> {
    if (expected !== undefined && expected !== current.revision) throw stale();
    const changed = await this.keys
      .findOneAndUpdate(
        { _id: current._id, revision: current.revision, revoked_at: null },
        { $set: { ...changes, updated_at: new Date() }, $inc: { revision: 1 } },
        { returnDocument: 'after' },
      )
      .lean<ApiKey | null>();
    if (changed) return changed;
    await this.existing(current._id);
    throw expected === undefined
      ? conflict(`key '${current._id}' is being changed by others; try again`)
      : stale();
  }

  private async assertMine({ roles, permissions, expires_at }: Rights): Promise<void> {
    assertMayGrant(currentPrincipal(), await this.roles.permissionsOf(roles, permissions), expires_at);
  }

  private async assertExisting({ roles = [], project_ids }: Partial<Rights>): Promise<void> {
    const [unknown] = await this.roles.unknown(roles);
    if (unknown !== undefined) throw notFound('role', unknown);
    if (!project_ids) return;
    const found = await this.projects
      .find({ _id: { $in: project_ids } }, { _id: 1 })
      .lean<{ _id: string }[]>();
    const missing = project_ids.find((id) => !found.some(({ _id }) => _id === id));
    if (missing !== undefined) throw notFound('project', missing);
  }

  /** @throws DomainError while anybody could make hashes like the server's. */
  private assertSafe(): void {
    if (canSeal(this.env)) return;
    throw conflict(`keys ${CANNOT_BE_KEPT}`);
  }
}

const unique = <T>(list: readonly T[]): T[] => [...new Set(list)];
const dateOf = (text: string | null | undefined): Date | null => (text ? new Date(text) : null);
