import { setTimeout as sleep } from 'node:timers/promises';
import { task, wait } from '../support/nodes.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';
import { type Random } from './random.js';
import { type Stage } from './stage.js';

const PIPELINES = 6;
const NODES = 10;
const RULES = ['all_success', 'all_success', 'none_failed', 'all_done', 'one_success', 'always'];

/** Runs of random graphs: joins, trigger rules, bounded parallelism, a retry and a wait are all among them. */
export class Load {
  /** Every answer to a `POST /runs` that was not a run. */
  readonly refusals: { status: number; code?: string }[] = [];

  private constructor(
    private readonly stage: Stage,
    private readonly project: string,
    private readonly pipelines: string[],
  ) {}

  /** @param seconds that one task works, about. */
  static async prepare(stage: Stage, seconds: number): Promise<Load> {
    const user = new User(stage.tauro.api);
    const project = await user.project();
    const pipelines: string[] = [];
    for (let i = 0; i < PIPELINES; i++) {
      const config = i % 2 === 0 ? {} : { max_parallelism: 3 };
      const { nodes, edges } = randomGraph(stage.random, seconds);
      pipelines.push((await user.pipeline(project, nodes, { edges, config })).id);
    }
    return new Load(stage, project, pipelines);
  }

  /** Starts runs, evenly spread over a time. */
  async submit(count: number, overMs: number): Promise<void> {
    const began = performance.now();
    const starting: Promise<unknown>[] = [];
    for (let i = 0; i < count; i++) {
      await sleep(Math.max(0, began + (i * overMs) / count - performance.now()));
      starting.push(this.start());
    }
    await Promise.all(starting);
  }

  /** Starts a run again and again. @returns what ends that. */
  flow(everyMs: number): () => Promise<void> {
    const stop = new AbortController();
    const flowing = (async () => {
      const starting: Promise<unknown>[] = [];
      for (; !stop.signal.aborted; await sleep(everyMs)) starting.push(this.start());
      await Promise.all(starting);
    })();
    flowing.catch(() => undefined);
    return () => {
      stop.abort();
      return flowing;
    };
  }

  /** Asks until the API has acknowledged that a run is started, as a client does. @returns its id. */
  async start(): Promise<string> {
    const pipeline_id = this.stage.random.pick(this.pipelines);
    const body = { project_id: this.project, pipeline_id, start: true };
    const answer = await waitFor(
      async () => {
        const { status, body: said } = await this.stage.tauro.api.post('/api/v1/runs', body);
        if (status !== 201) {
          this.refusals.push({ status, code: said?.error?.code as string });
          throw new Error(`${status} ${JSON.stringify(said)}`);
        }
        return said.data as { id: string };
      },
      { what: 'a run to be accepted', timeout: 120_000, everyMs: 500 },
    );
    this.stage.acknowledged(answer.id, 'create', 'start');
    return answer.id;
  }
}

function randomGraph(random: Random, seconds: number): { nodes: object[]; edges: object[] } {
  const edges: object[] = [];
  const nodes = Array.from({ length: NODES }, (_, i) => {
    const id = `n${i}`;
    const parents = new Set(
      Array.from({ length: Math.min(i, 1 + random.below(3)) }, () => `n${random.below(i)}`),
    );
    for (const from of parents) edges.push({ from, to: id });
    const rest = { trigger_rule: random.pick(RULES) };
    if (i === 3) return wait(id, seconds / 2, rest);
    if (i === 6) {
      const retry_policy = { max_attempts: 2, backoff_seconds: 0.1 };
      return task(
        id,
        'fail_times',
        { times: 1 + random.below(2) },
        { ...rest, retry_policy, allow_failure: true },
      );
    }
    const input = { node: id, seconds: random.between(0.5, 1.5) * seconds, lines: 3 };
    return task(id, 'record', input, rest);
  });
  return { nodes, edges };
}
