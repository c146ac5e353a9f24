import { Injectable } from '@nestjs/common';
import { type NodeCacheEntry } from '@tauro/database';
import { ArtifactStore } from '@tauro/nodes';
import { Env } from '@tauro/platform';
import { Collections } from '../collections.js';
import { LEFTOVER_AGE_MS } from './leftovers.js';

/** Entries and folders looked at per sweep; the cache has 256 folders. */
const ENTRIES = 1000;
const FOLDERS = 16;

/**
 * Removes entries of the node cache whose time is over: first the entry, then its table, which is nobody's from then
 * on. A table that a crash has left between the two, or before its entry was stored, goes a day later.
 */
@Injectable()
export class CacheRemoval {
  private readonly artifacts: ArtifactStore;
  /** Folders still to be looked at in this round over the cache. */
  private queue: string[] = [];

  constructor(
    private readonly db: Collections,
    env: Env,
  ) {
    this.artifacts = new ArtifactStore(env.ARTIFACTS_URL);
  }

  /** @returns how many entries were removed, and how many stray files. */
  async sweep(now: Date): Promise<{ entries: number; files: number }> {
    const over = { expires_at: { $lte: now } };
    const expired = await this.db.cache
      .find(over)
      .sort({ expires_at: 1 })
      .limit(ENTRIES)
      .project<Pick<NodeCacheEntry, '_id'>>({ _id: 1 })
      .toArray();
    let entries = 0;
    for (const { _id } of expired) {
      // One that was made anew in between has a table of its own, and stays.
      const removed = await this.db.cache.findOneAndDelete({ _id, ...over });
      if (!removed) continue;
      entries++;
      if (removed.table) await this.artifacts.remove(removed.table.artifact);
    }
    return { entries, files: await this.sweepFolders(new Date(now.getTime() - LEFTOVER_AGE_MS)) };
  }

  private async sweepFolders(before: Date): Promise<number> {
    if (this.queue.length === 0) this.queue = await this.artifacts.folders('cache');
    let removed = 0;
    for (const folder of this.queue.splice(0, FOLDERS)) {
      const digits = folder.slice('cache/'.length);
      const entries = await this.db.cache
        .find({ _id: { $gte: digits, $lt: `${digits}g` }, table: { $ne: null } })
        .project<{ table: { artifact: string } }>({ 'table.artifact': 1 })
        .toArray();
      const used = new Set(entries.map(({ table }) => table.artifact));
      removed += await this.artifacts.removeUnused(folder, used, before);
    }
    return removed;
  }
}
