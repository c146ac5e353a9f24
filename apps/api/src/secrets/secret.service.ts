import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Public, Secret, toPublic } from '@tauro/database';
import { invalid, notFound, secretPurpose, secretValueFault } from '@tauro/domain';
import { Collections } from '@tauro/orchestration';
import { canSeal, Env, seal } from '@tauro/platform';
import { type Model } from 'mongoose';
import { currentPrincipal } from '../auth/principal.js';
import { stale } from '../http/etag.js';
import { type Page } from '../http/envelope.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { newNamed, storeNamed } from '../named/new-named.js';
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
    const named = newNamed('sec', dto, request_id);
    const secret: Secret = { ...named, version: 1, engine: { sealed: this.sealed(named._id, dto.value) } };
    await storeNamed('secret', this.db, this.db.secrets, secret);
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
