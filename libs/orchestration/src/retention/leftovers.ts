import { Injectable } from '@nestjs/common';
import { ArtifactStore } from '@tauro/nodes';
import { Env } from '@tauro/platform';
import { ACTIVE_RUN_STATES } from '@tauro/domain';
import { Collections } from '../collections.js';

/** Files that nothing refers to are kept this long: a rerun links tables before its run is stored. */
export const LEFTOVER_AGE_MS = 24 * 3600 * 1000;

/** The tables that a task may have. */
const PARTS = ['artifact', 'quarantine'] as const;

/**
 * Files in the artifact store that no task refers to: of runs that never came to be, and of attempts that lost
 * their claim. Nothing of a run that goes on is touched, nor anything younger than a day.
 */
@Injectable()
export class Leftovers {
  private readonly artifacts: ArtifactStore;
  /** Ids of runs still to be looked at in this round over the store. */
  private queue: string[] = [];

  constructor(
    private readonly db: Collections,
    env: Env,
  ) {
    this.artifacts = new ArtifactStore(env.ARTIFACTS_URL);
  }

  /** Looks at the next `limit` runs that have files, beginning anew after the last. @returns files removed. */
  async sweep(now: Date, limit: number): Promise<number> {
    if (this.queue.length === 0) {
      this.queue = (await this.artifacts.folders('runs')).map((folder) => folder.slice('runs/'.length));
    }
    const ids = this.queue.splice(0, limit);
    if (ids.length === 0) return 0;
    const active = await this.db.runs
      .find({ _id: { $in: ids }, state: { $in: ACTIVE_RUN_STATES } })
      .project<{ _id: string }>({ _id: 1 })
      .toArray();
    const still = ids.filter((id) => !active.some(({ _id }) => _id === id));
    const tasks = await this.db.tasks
      .find({ run_id: { $in: still }, $or: PARTS.map((part) => ({ [`engine.${part}`]: { $ne: null } })) })
      .project<{ engine: Partial<Record<(typeof PARTS)[number], { artifact: string } | null>> }>(
        Object.fromEntries(PARTS.map((part) => [`engine.${part}.artifact`, 1])),
      )
      .toArray();
    const used = new Set(tasks.flatMap(({ engine }) => PARTS.map((part) => engine[part]?.artifact ?? '')));
    const before = new Date(now.getTime() - LEFTOVER_AGE_MS);
    let removed = 0;
    for (const id of still) removed += await this.artifacts.removeUnused(`runs/${id}`, used, before);
    return removed;
  }
}
