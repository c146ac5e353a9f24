import { type ApiClient } from '../../support/api-client.js';
import { noop } from '../../support/nodes.js';
import { User } from '../../support/user.js';

const PLACEHOLDER = /«(\w+):(\d+)»/g;
const MOST_KNOWN = 200;

/** What is there to be asked for: what was made at first, and what requests have made since. */
export class World {
  private readonly known = new Map<string, string[]>();
  private created = 0;

  /** @param seed makes names that no earlier run has used. */
  private constructor(private readonly seed: number) {}

  static async made(api: ApiClient, seed: number): Promise<World> {
    const world = new World(seed);
    await world.furnish(api);
    return world;
  }

  /** A little of everything; also later, for what requests have removed. */
  async furnish(api: ApiClient): Promise<void> {
    const user = new User(api);
    const project_id = await user.project();
    this.learn({ id: project_id });
    const pipeline = await user.pipeline(project_id, [noop('first'), noop('second')]);
    this.learn(pipeline);
    for (const start of [false, true]) {
      const { body } = await api.post('/api/v1/runs', { project_id, pipeline_id: pipeline.id, start });
      this.learn(body);
      this.learn((await api.get(`/api/v1/runs/${body.data.id}/tasks`)).body);
    }
    const schedule = { project_id, pipeline_id: pipeline.id, kind: 'CRON', expression: '0 2 * * *' };
    const { body: scheduled } = await api.post('/api/v1/schedules', schedule);
    this.learn(scheduled);
    this.learn((await api.post(`/api/v1/schedules/${scheduled.data.id}/backfill`, { count: 1 })).body);
    const config = { project_id, environment: 'dev', name: User.uniqueName('config'), data: { rows: 5 } };
    this.learn((await api.post('/api/v1/configs', config)).body);
    this.learn((await api.post('/api/v1/keys', { name: User.uniqueName('key') })).body);
    const trigger = { project_id, pipeline_id: pipeline.id, kind: 'WEBHOOK' };
    this.learn((await api.post('/api/v1/triggers', trigger)).body);
    this.learn((await api.post('/api/v1/pools', { name: User.uniqueName('pool'), slots: 2 })).body);
  }

  /** Remembers every id in an answer. */
  learn(answer: unknown): void {
    for (const [id, prefix] of JSON.stringify(answer ?? null).matchAll(
      /(?<=")([a-z]{2,5})_0[0-9A-Za-z]{15,}(?=")/g,
    )) {
      const ids = this.known.get(prefix!) ?? [];
      if (ids.includes(id)) continue;
      ids.push(id);
      if (ids.length > MOST_KNOWN) ids.shift();
      this.known.set(prefix!, ids);
    }
  }

  /** The text with its placeholders replaced: `«run:7»` by the seventh run there is, `«new»` by a new name. */
  fill(text: string): string {
    return text
      .replaceAll('«new»', () => `fuzz_${this.seed}_${this.created++}`)
      .replace(PLACEHOLDER, (_, prefix: string, n: string) => {
        const ids = this.known.get(prefix) ?? [];
        return ids[Number(n) % ids.length] ?? `${prefix}_nobody`;
      });
  }
}
