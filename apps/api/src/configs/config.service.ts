import { Injectable } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import { Config, ConfigVersion, type Public, toPublic } from '@tauro/database';
import { conflict, fieldDiff } from '@tauro/domain';
import { type Model } from 'mongoose';
import { type Page } from '../http/envelope.js';
import { findPage } from '../http/paging/find-page.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { assertMay, ConfigStore } from './config-store.service.js';
import {
  assertData,
  type ConfigComparison,
  type CreateConfigDto,
  type UpdateConfigDto,
} from './config.dto.js';
import { CONFIG_LIST, CONFIG_VERSION_LIST } from './config.list.js';

/** Configs and their history, as the API shows and changes them. */
@Injectable()
export class ConfigService {
  constructor(
    @InjectModel(Config.name) private readonly configs: Model<Config>,
    @InjectModel(ConfigVersion.name) private readonly versions: Model<ConfigVersion>,
    private readonly store: ConfigStore,
  ) {}

  list(query: ListQuery): Promise<Page<Partial<Public<Config>>>> {
    return findPage(this.configs, CONFIG_LIST, query);
  }

  async get(id: string): Promise<Public<Config>> {
    return toPublic(await this.store.get(id));
  }

  async create(
    { reason, description, ...dto }: CreateConfigDto,
    request_id: string,
  ): Promise<Public<Config>> {
    assertMay(dto.environment);
    assertData(dto.data);
    const wanted = { ...dto, description: description ?? '' };
    const origin = { change: 'CREATED', reason, request_id } as const;
    return toPublic(await this.store.transaction((session) => this.store.create(wanted, origin, session)));
  }

  /** @param expected the revision the client has seen. */
  async update(
    id: string,
    { data, description, reason }: UpdateConfigDto,
    expected: number | undefined,
    request_id: string,
  ): Promise<Public<Config>> {
    if (data) assertData(data);
    const changes = { data, ...(description !== undefined && { description: description ?? '' }) };
    const origin = { change: 'UPDATED', reason, request_id } as const;
    const config = await this.store.transaction(async (session) => {
      const before = await this.store.get(id, session, expected);
      assertMay(before.environment);
      return this.store.change(before, changes, origin, session);
    });
    return toPublic(config);
  }

  async remove(id: string): Promise<void> {
    assertMay((await this.store.get(id)).environment);
    await this.store.remove(id);
  }

  listVersions(query: ListQuery): Promise<Page<Partial<Public<ConfigVersion>>>> {
    return findPage(this.versions, CONFIG_VERSION_LIST, query);
  }

  async getVersion(id: string): Promise<Public<ConfigVersion>> {
    return toPublic(await this.store.version(id));
  }

  /** Any two versions, also of different configs: staging and prod, for instance. */
  async compare(from: string, to: string): Promise<ConfigComparison> {
    const [old, latest] = await Promise.all([this.store.version(from), this.store.version(to)]);
    return { from, to, equal: old.hash === latest.hash, changes: fieldDiff(old.data, latest.data) };
  }

  /** Makes what an earlier version says the newest one. @throws DomainError NOT_FOUND, CONFLICT, FORBIDDEN */
  async rollback(
    id: string,
    reason: string | null | undefined,
    request_id: string,
  ): Promise<Public<ConfigVersion>> {
    const made = await this.store.transaction(async (session) => {
      const version = await this.store.version(id, session);
      const before = await this.store.get(version.config_id, session);
      assertMay(before.environment);
      if (before.version_id === id) {
        throw conflict(`config version '${id}' is the current one of config '${before._id}' already`);
      }
      const origin = { change: 'ROLLED_BACK', reason, source_version_id: id, request_id } as const;
      return this.store.change(before, { data: version.data }, origin, session);
    });
    return this.getVersion(made.version_id);
  }
}
