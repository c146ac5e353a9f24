import { Injectable } from '@nestjs/common';
import {
  ALL,
  beginning,
  DURATION_BOUNDS,
  durationPlace,
  merge,
  type Run,
  type RunTotals,
  sumOf,
  windowOf,
} from '@tauro/database';
import { ACTIVE_RUN_STATES, RUN_STATES, type RunState, TERMINAL_RUN_STATES } from '@tauro/domain';
import { Env } from '@tauro/platform';
import { LRUCache } from 'lru-cache';
import { type mongo } from 'mongoose';
import { Collections } from '../collections.js';

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

export interface RunDurations {
  /** Runs by the place of `DURATION_BOUNDS` that they are within; the last is of those beyond all. */
  within: number[];
  count: number;
  /** Together. */
  seconds: number;
}

/** Whose runs: one of these, or all. */
export interface StatisticsScope {
  project_id?: string;
  pipeline_id?: string;
  schedule_id?: string;
}

/** Of runs that are not counted yet; there are more only after the reconcilers were all away. */
const MOST_RECENT = 10_000;

/** So that runs which are not over, few of all, are found whatever they belong to. */
const ACTIVE = { state: 1, created_at: -1 } as const;

function activeIndex({ project_id, pipeline_id, schedule_id }: StatisticsScope) {
  if (pipeline_id !== undefined) return { pipeline_id: 1, ...ACTIVE } as const;
  if (schedule_id !== undefined) return { schedule_id: 1, ...ACTIVE } as const;
  return { ...(project_id !== undefined && { project_id: 1 as const }), ...ACTIVE, _id: -1 as const };
}

/**
 * Figures over runs: those that have ended by their counts, and those that have not, which are few, by an index. Runs that
 * retention has removed are counted still.
 */
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

  /** Over everything; an answer is kept for `CACHE_TTL` seconds. @param since only runs created from then on. */
  overall(since?: Date): Promise<{ data: Statistics; ageSeconds: number }> {
    return this.cached(`overall:${since?.toISOString() ?? ''}`, async () => {
      const [total_projects, total_pipelines, runs] = await Promise.all([
        this.db.projects.countDocuments(),
        this.db.pipelines.countDocuments(),
        this.runs({}, since),
      ]);
      return { total_projects, total_pipelines, ...runs };
    });
  }

  pipelinesOf(project_id: string): Promise<number> {
    return this.db.pipelines.countDocuments({ project_id });
  }

  /** Never cached: a person who has just seen a run end looks here next. @param since only runs created from then on. */
  async runs(scope: StatisticsScope, since?: Date): Promise<RunStatistics> {
    const from = since && beginning(since, new Date());
    const [id = ALL] = Object.values(scope) as string[];
    // As of one moment, or a run that is counted meanwhile would be seen twice, or not at all.
    return this.db.snapshot(async (session) => {
      const counts = await this.db.runCounts.find(windowOf(id, from), { session }).toArray();
      const totals = sumOf(counts, from);
      const of = { ...scope, ...(from && { created_at: { $gte: from } }) };
      merge(totals, await this.uncounted(of, session));
      return figures(totals, await this.active(of, session));
    });
  }

  /** How long all runs that have ended took. Those that retention has removed are counted still. */
  durations(): Promise<RunDurations> {
    return this.db.snapshot(async (session) => {
      const days = await this.db.runCounts.find(windowOf(ALL), { session }).toArray();
      const { timed = 0, milliseconds = 0 } = sumOf(days);
      const within = [...DURATION_BOUNDS, Infinity].map((_, place) =>
        days.reduce((sum, { durations }) => sum + (durations?.[place] ?? 0), 0),
      );
      const recent = await this.db.runs
        .find({ 'engine.counted': false }, { session, hint: { 'engine.counted': 1 } })
        .limit(MOST_RECENT)
        .project<Pick<Run, 'duration_seconds'>>({ duration_seconds: 1 })
        .toArray();
      const seconds = recent.flatMap(({ duration_seconds }) => duration_seconds ?? []);
      for (const one of seconds) within[durationPlace(one)]! += 1;
      const total = seconds.reduce((sum, one) => sum + one, milliseconds / 1000);
      return { within, count: timed + seconds.length, seconds: total };
    });
  }

  /** Runs that have just ended; the reconciler counts them within seconds. */
  private async uncounted(of: mongo.Document, session: mongo.ClientSession): Promise<RunTotals> {
    const ended: [string, object][] = [...TERMINAL_RUN_STATES].map((state) => [
      state,
      { $sum: { $cond: [{ $eq: ['$state', state] }, 1, 0] } },
    ]);
    const [totals = {}] = await this.db.runs
      .aggregate<RunTotals>(
        [
          { $match: { 'engine.counted': false, ...of } },
          {
            $group: {
              _id: null,
              ...Object.fromEntries<object>(ended),
              timed: { $sum: { $cond: [{ $isNumber: '$duration_seconds' }, 1, 0] } },
              milliseconds: { $sum: { $round: { $multiply: ['$duration_seconds', 1000] } } },
            },
          },
        ],
        { session, hint: { 'engine.counted': 1 } },
      )
      .toArray();
    return totals;
  }

  private async active(
    of: StatisticsScope,
    session: mongo.ClientSession,
  ): Promise<Partial<Record<RunState, number>>> {
    const groups = await this.db.runs
      .aggregate<{ _id: RunState; n: number }>(
        [
          { $match: { ...of, state: { $in: ACTIVE_RUN_STATES } } },
          { $group: { _id: '$state', n: { $sum: 1 } } },
        ],
        { session, hint: activeIndex(of) },
      )
      .toArray();
    return Object.fromEntries(groups.map(({ _id, n }) => [_id, n]));
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

function figures(totals: RunTotals, active: Partial<Record<RunState, number>>): RunStatistics {
  const { SUCCESS = 0, FAILED = 0, timed = 0, milliseconds = 0 } = totals;
  const counted: Partial<Record<RunState, number>> = { ...totals, ...active };
  const runs_by_state = Object.fromEntries(RUN_STATES.map((state) => [state, counted[state] ?? 0]));
  return {
    total_runs: Object.values(runs_by_state).reduce((sum, n) => sum + n, 0),
    runs_by_state,
    average_duration_seconds: timed === 0 ? null : round(milliseconds / timed / 1000, 3),
    success_rate: SUCCESS + FAILED === 0 ? null : round(SUCCESS / (SUCCESS + FAILED), 4),
  };
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
