import { Injectable } from '@nestjs/common';
import { type ConfigVersion } from '@tauro/database';
import { contentHash, type JsonObject } from '@tauro/domain';
import { LRUCache } from 'lru-cache';
import { Collections } from './collections.js';

/** Bytes of JSON that are kept in memory. */
const MAX_BYTES = 16 * 1024 * 1024;

/** The data of config versions by their id. They never change, so what was read once stays true and is kept. */
@Injectable()
export class PinnedConfigs {
  private readonly cache = new LRUCache<string, JsonObject>({
    maxSize: MAX_BYTES,
    sizeCalculation: (data) => JSON.stringify(data).length + 1,
  });

  constructor(private readonly db: Collections) {}

  /** @throws Error when the version is not there, or not what it was: the database lost it, or somebody changed it. */
  async get(id: string): Promise<JsonObject> {
    const known = this.cache.get(id);
    if (known) return known;
    const version = await this.db.configVersions.findOne({ _id: id });
    if (!version) throw new Error(`config version ${id} is not stored`);
    const { data, hash }: ConfigVersion = version;
    if (contentHash(data) !== hash) throw new Error(`config version ${id} does not match its hash`);
    this.cache.set(id, data);
    return data;
  }
}
