import { type EventSourceMessage } from 'eventsource-parser';
import { chain, noop, task } from '../support/nodes.js';
import { type ApiClient } from '../support/api-client.js';
import { Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

interface Change {
  id?: string;
  type: 'run' | 'task';
  run_id: string;
  project_id: string;
  node_id?: string;
  state: string;
}

describe('changes of state, as they happen', () => {
  let tauro: Tauro;
  let api: ApiClient;
  let user: User;

  beforeAll(async () => {
    tauro = await Tauro.start();
    api = tauro.api;
    user = new User(api);
  });
  afterAll(() => tauro?.stop());

  const changeOf = (event: EventSourceMessage): Change => ({
    ...(JSON.parse(event.data) as Change),
    id: event.id,
  });

  /** What a stream tells until it has told enough. */
  async function until(
    path: string,
    enough: (changes: Change[]) => boolean,
    headers = {},
  ): Promise<Change[]> {
    const changes: Change[] = [];
    for await (const event of api.events(path, headers)) {
      if (event.event) break;
      changes.push(changeOf(event));
      if (enough(changes)) break;
    }
    return changes;
  }

  const twoNodes = (): [object[], object] => [
    [noop('first'), noop('second')],
    { edges: chain('first', 'second') },
  ];

  it('tell of one run: how it stands, each change, and its end', async () => {
    const projectId = await user.project();
    const { id: pipelineId } = await user.pipeline(projectId, ...twoNodes());
    const created = await api.post('/api/v1/runs', { project_id: projectId, pipeline_id: pipelineId });
    const runId: string = created.body.data.id;
    const stream = api.events(`/api/v1/runs/${runId}/events`);
    const standing: Change[] = [];
    for (let i = 0; i < 3; i++) standing.push(changeOf((await stream.next()).value!));
    expect(standing.map(({ type, node_id, state }) => [type, node_id, state]).sort()).toEqual([
      ['run', undefined, 'PENDING'],
      ['task', 'first', 'PENDING'],
      ['task', 'second', 'PENDING'],
    ]);
    await api.post(`/api/v1/runs/${runId}/start`);
    const told: Change[] = [];
    let end: EventSourceMessage | undefined;
    for await (const event of stream) {
      if (event.event) end = event;
      else told.push(changeOf(event));
    }
    expect(end?.event).toBe('end');
    const states = (of: (change: Change) => boolean): string[] => told.filter(of).map(({ state }) => state);
    expect(states(({ type }) => type === 'run')).toEqual(['QUEUED', 'RUNNING', 'SUCCESS']);
    for (const node of ['first', 'second']) {
      expect(states(({ node_id }) => node_id === node).slice(-2)).toEqual(['RUNNING', 'SUCCESS']);
    }
    const ended = await until(`/api/v1/runs/${runId}/events`, () => false);
    expect(ended.map(({ state }) => state)).toEqual(['SUCCESS', 'SUCCESS', 'SUCCESS']);
  });

  it('go on behind the last that was seen, none missing and none twice', async () => {
    const runId = await user.startNew([task('naps', 'sleep', { seconds: 600 })]);
    const path = `/api/v1/runs/${runId}/events`;
    const before = await until(path, (changes) =>
      changes.some(({ node_id, state }) => node_id && state === 'RUNNING'),
    );
    await api.post(`/api/v1/runs/${runId}/cancel`);
    const after = await until(path, () => false, { 'last-event-id': before.at(-1)!.id! });
    expect(after.at(-1)).toMatchObject({ type: 'run', state: 'CANCELLED' });

    // The stream of everything has them too, also for who was away meanwhile.
    const all = await until(`/api/v1/events?include=tasks&last_event_id=${before[0]!.id}`, (changes) =>
      changes.some(({ run_id, type, state }) => run_id === runId && type === 'run' && state === 'CANCELLED'),
    );
    const ids = all.map(({ id }) => id!.split('.').map(Number));
    expect(ids).toEqual([...ids].sort(([a, b, c], [d, e, f]) => a! - d! || b! - e! || c! - f!));
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect(
      all.filter(({ run_id, type }) => run_id === runId && type === 'task').map(({ state }) => state),
    ).toContain('CANCELLED');
  });

  it('tell of one project alone, and of some states, when that is asked for', async () => {
    const [ours, theirs] = [await user.project(), await user.project()];
    const pipelines = await Promise.all([ours, theirs].map((id) => user.pipeline(id, ...twoNodes())));
    const stream = api.events(`/api/v1/events?project_id=${ours}&state=RUNNING,SUCCESS`);
    const first = stream.next();
    // What happens before a stream has begun is not told; the client cannot see when that was.
    const runs: string[] = [];
    const told = await waitFor(
      async () => {
        await user.ended(await user.start(theirs, pipelines[1].id));
        runs.push(await user.start(ours, pipelines[0].id));
        await user.ended(runs.at(-1)!);
        return Promise.race([
          first,
          new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 500)),
        ]);
      },
      { what: 'a change to be told' },
    );
    const changes = [changeOf(told.value as EventSourceMessage)];
    changes.push(changeOf((await stream.next()).value as EventSourceMessage));
    await stream.return(undefined);
    expect(changes.map(({ state }) => state)).toEqual(['RUNNING', 'SUCCESS']);
    expect(new Set(changes.map(({ project_id }) => project_id))).toEqual(new Set([ours]));
    expect(runs).toContain(changes[0]!.run_id);
  });

  it('say so when what was missed is not known any more', async () => {
    const stream = api.events('/api/v1/events', { 'last-event-id': '1000000000.1.0' });
    expect((await stream.next()).value).toMatchObject({ event: 'reset' });
    await stream.return(undefined);
  });

  it('are refused in the usual envelope', async () => {
    for (const [path, status] of [
      ['/api/v1/runs/run_doesNotExist/events', 404],
      ['/api/v1/events?project_id=proj_doesNotExist', 404],
      ['/api/v1/events?project_id=x', 422],
      ['/api/v1/events?last_event_id=x', 422],
      ['/api/v1/events?state=DONE', 422],
      ['/api/v1/events?colour=red', 422],
    ] as const) {
      expect([path, (await api.get(path)).status]).toEqual([path, status]);
    }
  });

  it('are not collected by proxies', async () => {
    const leave = new AbortController();
    const { headers } = await fetch(`${tauro.url}/api/v1/events`, { signal: leave.signal });
    leave.abort();
    expect(headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(headers.get('cache-control')).toMatch(/no-transform/);
    expect(headers.get('x-accel-buffering')).toBe('no');
  });
});
