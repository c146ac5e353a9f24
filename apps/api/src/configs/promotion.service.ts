import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { type Config, ConfigPromotion, type ConfigVersion, type Public, toPublic } from '@tauro/database';
import {
  conflict,
  DomainError,
  type Environment,
  invalid,
  newId,
  nextEnvironment,
  notFound,
  PROTECTED,
} from '@tauro/domain';
import { Collections } from '@tauro/orchestration';
import { type Model, type mongo } from 'mongoose';
import { currentPrincipal } from '../auth/principal.js';
import { type Page } from '../http/envelope.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { ConfigStore } from './config-store.service.js';
import { type PromoteDto } from './config.dto.js';
import { PROMOTION_LIST } from './config.list.js';

/**
 * Versions on their way to another environment. One that goes to a protected environment waits until somebody else has
 * approved it; all others go at once. A promotion and what it changes are one transaction.
 */
@Injectable()
export class PromotionService {
  constructor(
    @InjectModel(ConfigPromotion.name) private readonly promotions: Model<ConfigPromotion>,
    private readonly db: Collections,
    private readonly store: ConfigStore,
  ) {}

  list(query: ListQuery): Promise<Page<Partial<Public<ConfigPromotion>>>> {
    return findPage(this.promotions, PROMOTION_LIST, query);
  }

  async get(id: string): Promise<Public<ConfigPromotion>> {
    return toPublic(await this.existing(id));
  }

  /** @throws DomainError NOT_FOUND, VALIDATION_ERROR, CONFLICT for a second wish at the same place. */
  async promote(versionId: string, dto: PromoteDto, request_id: string): Promise<Public<ConfigPromotion>> {
    const promotion = await this.store.transaction(async (session) => {
      const version = await this.store.version(versionId, session);
      const wanted = await this.wish(version, dto, request_id, session);
      const done = wanted.to_environment === PROTECTED ? wanted : await this.apply(wanted, version, session);
      await this.db.configPromotions.insertOne(done, { session });
      return done;
    });
    return toPublic(promotion);
  }

  /** @throws DomainError FORBIDDEN for who asked for it, CONFLICT when it is decided or no longer what was asked for. */
  async approve(id: string, comment: string | null | undefined, request_id: string) {
    const promotion = await this.store.transaction(async (session) => {
      const pending = await this.pending(id, 'approved', session);
      assertAnother(pending);
      const there = await this.store.at(targetOf(pending), session);
      if ((there?.version_id ?? null) !== pending.replaces_version_id) {
        throw conflict(
          `the config in ${pending.to_environment} has changed since promotion '${id}' was asked for; reject it and ask anew`,
        );
      }
      const version = await this.store.version(pending.version_id, session);
      const done = { ...(await this.apply(pending, version, session, request_id)), ...decision(comment) };
      await this.decide(done, session);
      return done;
    });
    return toPublic(promotion);
  }

  /** @throws DomainError CONFLICT when it is decided already. */
  async reject(id: string, comment: string | null | undefined) {
    const promotion = await this.store.transaction(async (session) => {
      const pending = await this.pending(id, 'rejected', session);
      const done: ConfigPromotion = { ...pending, state: 'REJECTED', ...decision(comment) };
      await this.decide(done, session);
      return done;
    });
    return toPublic(promotion);
  }

  private async wish(
    version: ConfigVersion,
    { environment, reason }: PromoteDto,
    request_id: string,
    session: mongo.ClientSession,
  ): Promise<ConfigPromotion> {
    const to_environment = environment ?? nextEnvironment(version.environment);
    if (to_environment === undefined || to_environment === version.environment)
      throw nowhere(version, environment);
    const { project_id, name } = version;
    const place = { project_id, to_environment, name };
    const other = await this.db.configPromotions.findOne({ ...place, state: 'PENDING' }, { session });
    if (other) {
      throw conflict(
        `promotion '${other._id}' of '${name}' to ${to_environment} waits already; decide about it first`,
      );
    }
    const there = await this.store.at({ project_id, environment: to_environment, name }, session);
    return {
      _id: newId('cfgp'),
      ...place,
      version_id: version._id,
      from_environment: version.environment,
      state: 'PENDING',
      reason: reason ?? null,
      requested_by: currentPrincipal().id,
      replaces_version_id: there?.version_id ?? null,
      comment: null,
      decided_by: null,
      decided_at: null,
      result_version_id: null,
      created_at: new Date(),
      request_id,
    };
  }

  /** Writes the data of the version to where it is promoted. */
  private async apply(
    promotion: ConfigPromotion,
    { data }: ConfigVersion,
    session: mongo.ClientSession,
    request_id = promotion.request_id!,
  ): Promise<ConfigPromotion> {
    const { reason, version_id: source_version_id } = promotion;
    const place = targetOf(promotion);
    const origin = { change: 'PROMOTED', reason, source_version_id, request_id } as const;
    const there = await this.store.at(place, session);
    const config: Config = there
      ? await this.store.change(there, { data }, origin, session)
      : await this.store.create({ ...place, data }, origin, session);
    return { ...promotion, state: 'PROMOTED', result_version_id: config.version_id };
  }

  private async decide({ _id, ...set }: ConfigPromotion, session: mongo.ClientSession): Promise<void> {
    await this.db.configPromotions.updateOne({ _id, state: 'PENDING' }, { $set: set }, { session });
  }

  private async pending(id: string, done: string, session: mongo.ClientSession): Promise<ConfigPromotion> {
    const promotion = await this.existing(id, session);
    if (promotion.state === 'PENDING') return promotion;
    throw conflict(`promotion '${id}' is ${promotion.state} and cannot be ${done}`);
  }

  private async existing(id: string, session?: mongo.ClientSession): Promise<ConfigPromotion> {
    const promotion = await this.db.configPromotions.findOne({ _id: id }, { session });
    if (!promotion) throw notFound('promotion', id);
    return promotion;
  }
}

const targetOf = ({ project_id, to_environment, name }: ConfigPromotion) => ({
  project_id,
  environment: to_environment,
  name,
});

const decision = (comment: string | null | undefined) => ({
  comment: comment ?? null,
  decided_by: currentPrincipal().id,
  decided_at: new Date(),
});

/** Four eyes: while auth is on, nobody approves their own wish. While it is off nobody is known. */
function assertAnother({ requested_by }: ConfigPromotion): void {
  const { kind, id } = currentPrincipal();
  if (kind === 'anonymous' || id !== requested_by) return;
  throw new DomainError('FORBIDDEN', 'A promotion is approved by somebody else than who asked for it');
}

function nowhere({ environment: from }: ConfigVersion, asked?: Environment): DomainError {
  const message = asked
    ? `must be another environment than that of the version, which is ${from}`
    : `is needed: nothing follows ${from}`;
  return invalid([{ field: 'environment', message, type: asked ? 'value_error' : 'missing' }]);
}
