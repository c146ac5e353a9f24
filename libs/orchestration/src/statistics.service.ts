import { Injectable } from '@nestjs/common';
import { RUN_STATES, type RunState } from '@tauro/domain';
import { Env } from '@tauro/platform';
import { LRUCache } from 'lru-cache';
import { type mongo } from 'mongoose';
import { Collections } from './collections.js';

export interface RunStatistics {
  total_runs: number;
  runs_by_state: Partial<Record<RunState, number>>;
  /** Mean of the finished runs; null when there is none. */
  average_duration_seconds: number | null;
  /** SUCCESS of all that ended SUCCESS or FAILED; null when none did. */
  success_rate: number | null;
}
export interface Statistics extends RunStatistics {
  total_projects: number;
  total_pipelines: number;
}
export interface ProjectStatistics {
  total_pipelines: number;
  total_runs: number;
  success_rate: number | null;
  avg_duration_seconds: number | null;
  runs_by_state: Partial<Record<RunState, number>>;
}

/** Figures over all runs or one project's. Expensive to count, so an answer is kept for `CACHE_TTL` seconds. */
@Injectable()
export class StatisticsService {
  private readonly cache?: LRUCache<string, { value: Promise<object>; at: number }>;

  constructor(
    private readonly db: Collections,
    env: Env,
  ) {
    if (env.CACHE_ENABLED && env.CACHE_TTL > 0) {
      this.cache = new LRUCache({ max: env.CACHE_MAX_SIZE, ttl: env.CACHE_TTL * 1000 });
    }
  }

  /** @param since only runs created at or after it. */
  overall(since?: Date): Promise<{ data: Statistics; ageSeconds: number }> {
    return this.cached(`overall:${since?.toISOString() ?? ''}`, async () => {
      const [total_projects, total_pipelines, runs] = await Promise.all([
        this.db.projects.countDocuments(),
        this.db.pipelines.countDocuments(),
        this.runs(since ? { created_at: { $gte: since } } : {}),
      ]);
      return { total_projects, total_pipelines, ...runs };
    });
  }

  /** Never cached: a person who has just seen a run end looks here next. */
  async project(id: string): Promise<ProjectStatistics> {
    const [total_pipelines, runs] = await Promise.all([
      this.db.pipelines.countDocuments({ project_id: id }),
      this.runs({ project_id: id }),
    ]);
    const { average_duration_seconds: avg_duration_seconds, ...rest } = runs;
    return { total_pipelines, ...rest, avg_duration_seconds };
  }

  private async runs(match: mongo.Filter<mongo.Document>): Promise<RunStatistics> {
    const groups = await this.db.runs
      .aggregate<{ _id: RunState; n: number; seconds: number; timed: number }>([
        { $match: match },
        {
          $group: {
            _id: '$state',
            n: { $sum: 1 },
            seconds: { $sum: '$duration_seconds' },
            timed: { $sum: { $cond: [{ $isNumber: '$duration_seconds' }, 1, 0] } },
          },
        },
      ])
      .toArray();
    const byState = new Map(groups.map((group) => [group._id, group]));
    const count = (state: RunState): number => byState.get(state)?.n ?? 0;
    const timed = groups.reduce((sum, group) => sum + group.timed, 0);
    const decided = count('SUCCESS') + count('FAILED');
    return {
      total_runs: groups.reduce((sum, group) => sum + group.n, 0),
      runs_by_state: Object.fromEntries(RUN_STATES.map((state) => [state, count(state)])),
      average_duration_seconds:
        timed === 0 ? null : round(groups.reduce((sum, group) => sum + group.seconds, 0) / timed, 3),
      success_rate: decided === 0 ? null : round(count('SUCCESS') / decided, 4),
    };
  }

  private async cached<T extends object>(
    key: string,
    compute: () => Promise<T>,
  ): Promise<{ data: T; ageSeconds: number }> {
    const known = this.cache?.get(key);
    const entry = known ?? { value: compute(), at: Date.now() };
    if (!known) {
      this.cache?.set(key, entry);
      entry.value.catch(() => this.cache?.delete(key));
    }
    return { data: (await entry.value) as T, ageSeconds: Math.round((Date.now() - entry.at) / 1000) };
  }
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
