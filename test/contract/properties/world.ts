import { type ApiClient } from '../../support/api-client.js';
import { chain, noop } from '../../support/nodes.js';
import { expectStatus, User } from '../../support/user.js';

const PLACEHOLDER = /«(\w+):(\d+)»/g;
const MOST_KNOWN = 200;
/** So many of each kind are remembered for good. */
const EXECUTED = 10;

/** What is there to be asked for: what was made at first, and what requests have made since. */
export class World {
  private readonly known = new Map<string, string[]>([['node', ['first', 'second']]]);
  private created = 0;

  /** @param seed makes names that no earlier run has used. */
  private constructor(private readonly seed: number) {}

  static async made(api: ApiClient, seed: number): Promise<World> {
    const world = new World(seed);
    await world.furnish(api);
    return world;
  }

  /** Runs that have worked on a table, and what is to be seen of that. It needs a worker, which may go afterwards. */
  async execute(api: ApiClient): Promise<void> {
    const user = new User(api);
    const project = await user.project();
    const checks = [{ type: 'unique', columns: ['id'] }];
    const source = { source_type: 'inline', rows: [{ id: 1 }, { id: 2 }] };
    const nodes = [
      { id: 'first', type: 'source', config: source },
      { id: 'second', type: 'processor', config: { transformations: [{ type: 'limit', count: 1 }], checks } },
    ];
    const { id } = await user.pipeline(project, nodes, { edges: chain('first', 'second') });
    for (let i = 0; i < EXECUTED; i++) {
      const run = await user.ended(await user.start(project, id));
      if (run.state !== 'SUCCESS') throw new Error(`${run.id} ended ${run.state}`);
      this.learn(run);
    }
    for (const list of ['datasets', 'audit']) this.learn((await api.get(`/api/v1/${list}`)).body);
    const workers = (await api.get('/api/v1/workers')).body.data as { id: string }[];
    this.known.set(
      'wrk',
      workers.map(({ id }) => id),
    );
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
    const made = expectStatus(await api.post('/api/v1/configs', config), 201);
    this.learn(made);
    const promotion = { environment: 'prod', reason: 'good' };
    this.learn((await api.post(`/api/v1/config-versions/${made.version_id}/promote`, promotion)).body);
    const name = User.uniqueName('made');
    for (const [list, body] of Object.entries({
      keys: { name },
      roles: { name, permissions: ['runs:read'] },
      secrets: { project_id, name, value: 'kept for itself' },
      variables: { project_id, name, value: 1 },
      connections: { project_id, name, kind: 'http', config: { base_url: 'https://example.com' } },
    }))
      this.learn(expectStatus(await api.post(`/api/v1/${list}`, body), 201));
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
      if (ids.length > MOST_KNOWN) ids.splice(EXECUTED, 1);
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
