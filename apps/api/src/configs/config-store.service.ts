import { Injectable } from '@nestjs/common';
import { type Config, type ConfigVersion } from '@tauro/database';
import {
  type ConfigChange,
  conflict,
  contentHash,
  DomainError,
  type Environment,
  type JsonObject,
  newId,
  notFound,
  PROTECTED,
} from '@tauro/domain';
import { Collections, holdProject } from '@tauro/orchestration';
import { type mongo } from 'mongoose';
import { currentPrincipal } from '../auth/principal.js';
import { stale } from '../http/etag.js';

const DUPLICATE_KEY = 11000;
const MAX_TRIES = 20;

/** Where a config stands: there is one of each name per project and environment. */
export type ConfigPlace = Pick<Config, 'project_id' | 'environment' | 'name'>;

/** Why a version is made, and by whom. */
export interface Origin {
  change: ConfigChange;
  reason?: string | null;
  source_version_id?: string;
  request_id: string;
}

/** Why a promotion or a write must begin anew. */
class Raced extends Error {}

/**
 * Where configs are written. A config and its new version are stored in one transaction, so that neither is ever there
 * without the other; the number of a version comes from the config it is guarded by, and a unique index over both decides
 * who was first. Who comes second looks again.
 */
@Injectable()
export class ConfigStore {
  constructor(private readonly db: Collections) {}

  /** One transaction, begun anew while others are faster. @throws DomainError */
  async transaction<T>(work: (session: mongo.ClientSession) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        let result!: T;
        await this.db.transaction(async (session) => {
          result = await work(session);
        });
        return result;
      } catch (error) {
        const raced = error instanceof Raced || (error as { code?: unknown }).code === DUPLICATE_KEY;
        if (!raced) throw error;
        if (tries === MAX_TRIES) throw conflict('the config is being changed by others; try again');
      }
    }
  }

  /** @throws DomainError NOT_FOUND when the project is gone, CONFLICT when the place is taken. */
  async create(
    { description = '', data, ...place }: ConfigPlace & Pick<Config, 'data'> & { description?: string },
    origin: Origin,
    session: mongo.ClientSession,
  ): Promise<Config> {
    await holdProject(this.db, place.project_id, session);
    if (await this.at(place, session)) throw taken(place);
    const now = new Date();
    const config: Config = {
      _id: newId('cfg', now.getTime()),
      ...place,
      name_key: place.name.toLowerCase(),
      description,
      data,
      version: 1,
      version_id: newId('cfgv', now.getTime()),
      hash: contentHash(data),
      created_at: now,
      updated_at: now,
      revision: 1,
      request_id: origin.request_id,
    };
    await this.db.configs.insertOne(config, { session });
    await this.db.configVersions.insertOne(versionOf(config, origin), { session });
    return config;
  }

  /** @param data makes a version unless it is what there is already. */
  async change(
    before: Config,
    { data, description }: { data?: JsonObject; description?: string },
    origin: Origin,
    session: mongo.ClientSession,
  ): Promise<Config> {
    const now = new Date();
    const hash = data === undefined ? before.hash : contentHash(data);
    // A promotion or a rollback is written down even when the data is the same.
    const makesVersion = data !== undefined && (hash !== before.hash || origin.change !== 'UPDATED');
    const after: Config = {
      ...before,
      description: description ?? before.description,
      ...(makesVersion && {
        data,
        hash,
        version: before.version + 1,
        version_id: newId('cfgv', now.getTime()),
      }),
      updated_at: now,
      revision: before.revision + 1,
    };
    const { _id, ...set } = after;
    const { matchedCount } = await this.db.configs.updateOne(
      { _id, revision: before.revision },
      { $set: set },
      { session },
    );
    if (matchedCount === 0) throw new Raced();
    if (makesVersion) await this.db.configVersions.insertOne(versionOf(after, origin), { session });
    return after;
  }

  /** @param expected the revision the client has seen. @throws DomainError NOT_FOUND, PRECONDITION_FAILED */
  async get(id: string, session?: mongo.ClientSession, expected?: number): Promise<Config> {
    const config = await this.db.configs.findOne({ _id: id }, { session });
    if (!config) throw notFound('config', id);
    if (expected !== undefined && expected !== config.revision) throw stale();
    return config;
  }

  /** The config at a place; null when there is none. */
  at({ project_id, environment, name }: ConfigPlace, session?: mongo.ClientSession): Promise<Config | null> {
    return this.db.configs.findOne({ project_id, environment, name_key: name.toLowerCase() }, { session });
  }

  /** A version whose content is what it was. @throws DomainError NOT_FOUND, CONFLICT */
  async version(id: string, session?: mongo.ClientSession): Promise<ConfigVersion> {
    const version = await this.db.configVersions.findOne({ _id: id }, { session });
    if (!version) throw notFound('config version', id);
    if (contentHash(version.data) !== version.hash) {
      throw conflict(
        `config version '${id}' does not match its hash: it was changed behind the API, and is not used`,
      );
    }
    return version;
  }

  async remove(id: string): Promise<void> {
    await this.db.configs.deleteOne({ _id: id });
  }

  /** All of a project, as they are now. */
  of(project_id: string): Promise<Config[]> {
    return this.db.configs.find({ project_id }).sort({ _id: 1 }).toArray();
  }
}

/** @throws DomainError FORBIDDEN for who may change configs, but not those that are protected. */
export function assertMay(environment: Environment): void {
  if (environment !== PROTECTED || currentPrincipal().permissions.includes('configs:promote')) return;
  throw new DomainError(
    'FORBIDDEN',
    `Configs of ${PROTECTED} are changed by those who have the permission 'configs:promote'; ask for a promotion instead`,
  );
}

const taken = ({ name, environment }: ConfigPlace): DomainError =>
  conflict(`the project has a config '${name}' in ${environment} already`, [
    { field: 'name', message: 'is taken (names are compared without regard to case)', type: 'conflict' },
  ]);

const versionOf = (
  config: Config,
  { change, reason, source_version_id, request_id }: Origin,
): ConfigVersion => ({
  _id: config.version_id,
  config_id: config._id,
  project_id: config.project_id,
  environment: config.environment,
  name: config.name,
  version: config.version,
  data: config.data,
  hash: config.hash,
  change,
  source_version_id: source_version_id ?? null,
  reason: reason ?? null,
  created_by: currentPrincipal().id,
  created_at: config.updated_at,
  request_id,
});
