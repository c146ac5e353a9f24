import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Public, Secret, toPublic } from '@tauro/database';
import {
  conflict,
  type DomainError,
  invalid,
  newId,
  notFound,
  secretPurpose,
  secretValueFault,
} from '@tauro/domain';
import { Collections, DUPLICATE_KEY, insertNamed } from '@tauro/orchestration';
import { canSeal, Env, seal } from '@tauro/platform';
import { type Model } from 'mongoose';
import { confined } from '../auth/access.guard.js';
import { currentPrincipal, currentScope } from '../auth/principal.js';
import { stale } from '../http/etag.js';
import { type Page } from '../http/envelope.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { cannotBeSealed } from '../http/sealing.js';
import { type CreateSecretDto, type UpdateSecretDto } from './secret.dto.js';
import { SECRET_LIST } from './secret.list.js';

/** Secrets as the API takes and describes them. What it is given it seals at once, and it opens none. */
@Injectable()
export class SecretService {
  constructor(
    @InjectModel(Secret.name) private readonly secrets: Model<Secret>,
    private readonly db: Collections,
    private readonly env: Env,
  ) {}

  list(query: ListQuery): Promise<Page<Partial<Public<Secret>>>> {
    return findPage(this.secrets, SECRET_LIST, query);
  }

  /** @throws DomainError NOT_FOUND */
  async get(id: string): Promise<Public<Secret>> {
    return toPublic(await this.existing(id));
  }

  /** @throws DomainError NOT_FOUND for the project, CONFLICT when the name is taken there. */
  async create(dto: CreateSecretDto, request_id: string): Promise<Public<Secret>> {
    const { name, project_id = null } = dto;
    if (project_id === null && currentScope()) throw confined();
    const now = new Date();
    const _id = newId('sec', now.getTime());
    const by = currentPrincipal().id;
    const secret: Secret = {
      _id,
      project_id,
      name,
      description: dto.description ?? '',
      version: 1,
      created_by: by,
      updated_by: by,
      created_at: now,
      updated_at: now,
      revision: 1,
      request_id,
      engine: { sealed: this.sealed(_id, dto.value) },
    };
    try {
      await insertNamed(this.db, this.db.secrets, secret);
    } catch (error) {
      throw (error as { code?: unknown }).code === DUPLICATE_KEY ? taken(secret) : error;
    }
    return toPublic(secret);
  }

  /** @param expected the revision the client has seen. @throws DomainError NOT_FOUND, PRECONDITION_FAILED */
  async update(id: string, dto: UpdateSecretDto, expected: number | undefined): Promise<Public<Secret>> {
    const { value, description } = dto;
    const $set = {
      ...(description !== undefined && { description: description ?? '' }),
      ...(value !== undefined && { 'engine.sealed': this.sealed(id, value) }),
      updated_by: currentPrincipal().id,
      updated_at: new Date(),
    };
    const changed = await this.secrets
      .findOneAndUpdate(
        { _id: id, ...(expected !== undefined && { revision: expected }) },
        { $set, $inc: { revision: 1, ...(value !== undefined && { version: 1 }) } },
        { returnDocument: 'after' },
      )
      .lean<Secret | null>();
    if (changed) return toPublic(changed);
    await this.existing(id);
    throw stale();
  }

  /**
   * Also while pipelines name it: whoever withdraws a secret that became known must not have to change them first. Their
   * attempts fail from then on, and say which secret is not there.
   */
  async remove(id: string): Promise<void> {
    const { deletedCount } = await this.secrets.deleteOne({ _id: id });
    if (deletedCount === 0) throw notFound('secret', id);
  }

  private sealed(id: string, value: string): string {
    const fault = canSeal(this.env) ? secretValueFault(value, 'value') : cannotBeSealed('value');
    if (fault) throw invalid([fault]);
    return seal(this.env, secretPurpose(id), value);
  }

  private async existing(id: string): Promise<Secret> {
    const secret = await this.secrets.findById(id).lean<Secret | null>();
    if (!secret) throw notFound('secret', id);
    return secret;
  }
}

const taken = ({ name, project_id }: Secret): DomainError =>
  conflict(`there is a secret '${name}' ${project_id ? 'in the project' : 'for all projects'} already`, [
    { field: 'name', message: 'is taken', type: 'conflict' },
  ]);
