/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */
import { noop, ONCE, task, wait } from '../support/nodes.js';
import { CommonTauro } from '../support/common-tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

describe('a pipeline that runs another one', () => {
  let tauro: CommonTauro;
  let user: User;
  let project: string;

  beforeAll(async () => {
    tauro = await CommonTauro.join();
    user = new User(tauro.api);
    project = await user.project();
  });
  afterAll(() => tauro?.leave());

  const call = (pipeline_id: string, params: object = {}, rest: object = {}): object => ({
    id: 'call',
    type: 'pipeline',
    config: { pipeline_id, params },
    ...rest,
  });
  const startWith = async (nodes: object[], rest: object = {}, fields: object = {}): Promise<string> =>
    user.start(project, (await user.pipeline(project, nodes, rest)).id, fields);
  const subRuns = async (run: string): Promise<any[]> =>
    (await tauro.api.get(`/api/v1/runs?parent_run_id=${run}&sort=created_at`)).body.data;

  it('hands it params and gets its outputs, and both tell of each other', async () => {
    const { name } = await user.pipeline(project, [task('double', 'echo', { n: '{{ params.n }}' })], {
      params_schema: { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } },
      outputs: { n: '{{ nodes.double.output.input.n }}' },
    });
    const run = await startWith(
      [
        call(name, { n: '{{ params.n }}' }),
        task('use', 'echo', { got: '{{ nodes.call.output.outputs.n }}' }, { depends_on: ['call'] }),
      ],
      {},
      { params: { n: 7 }, tags: { team: 'a' } },
    );
    expect((await user.ended(run)).state).toBe('SUCCESS');
    const { call: called, use } = await user.tasks(run);
    expect(use.output.input).toEqual({ got: 7 });
    const [sub] = await subRuns(run);
    expect(called).toMatchObject({
      state: 'SUCCESS',
      sub_run_id: sub.id,
      output: { run_id: sub.id, outputs: { n: 7 } },
    });
    expect(sub).toMatchObject({
      state: 'SUCCESS',
      parent_run_id: run,
      parent_task_id: called.id,
      pipeline_name: name,
      tags: { team: 'a' },
    });
  });

  it('says what it waits for, and a cancel stops both', async () => {
    const { name } = await user.pipeline(project, [task('slow', 'sleep', { seconds: 600 })]);
    const run = await startWith([call(name), noop('after', { depends_on: ['call'] })]);
    const [sub] = await waitFor(
      async () => {
        const found = await subRuns(run);
        if (found[0]?.state !== 'RUNNING') throw new Error(`${found[0]?.state}`);
        return found;
      },
      { what: 'the sub-run to run' },
    );
    expect((await user.tasks(run)).call.waiting_reason).toBe(`waits for its run ${sub.id}`);
    await tauro.api.post(`/api/v1/runs/${run}/cancel`);
    expect((await user.ended(run)).state).toBe('CANCELLED');
    expect((await user.run(sub.id)).state).toBe('CANCELLED');
    expect(await user.taskStates(run)).toEqual({ call: 'CANCELLED', after: 'CANCELLED' });
  });

  it('fails with it, and says where', async () => {
    const { name } = await user.pipeline(project, [task('work', 'fail', { message: 'disk full' }, ONCE)]);
    const run = await startWith([call(name)]);
    const { state, error } = await user.ended(run);
    expect(state).toBe('FAILED');
    expect(error).toMatchObject({ node_id: 'call', type: 'SubRunFailed' });
    expect(error.message).toContain('because work did: ');
    expect(error.message).toContain('disk full');
  });

  it('runs it once for each item of a list', async () => {
    const { name } = await user.pipeline(project, [task('work', 'echo', { region: '{{ params.region }}' })], {
      outputs: { region: '{{ nodes.work.output.input.region }}' },
    });
    const regions = ['north', 'south', 'east', 'west'];
    const run = await startWith([
      call(name, { region: '{{ item }}' }, { for_each: { items: regions, max_parallelism: 2 } }),
    ]);
    expect((await user.ended(run)).state).toBe('SUCCESS');
    const { items } = (await user.tasks(run)).call.output;
    expect(items.map((item: any) => item.outputs.region)).toEqual(regions);
    expect(await subRuns(run)).toHaveLength(4);
  });

  it('is warned of a pipeline that is not there, and of nothing else', async () => {
    const stored = await user.pipeline(project, [call('not_there_yet')]);
    expect(stored.warnings).toEqual([
      expect.objectContaining({ field: 'nodes.0.config.pipeline_id', type: 'unknown_pipeline' }),
    ]);
    const run = await user.start(project, stored.id);
    expect((await user.ended(run)).error).toEqual({
      type: 'PipelineNotFound',
      message: "pipeline 'not_there_yet' was not found",
      node_id: 'call',
    });
  });

  it('fails for good, and says each fault once, when its params do not fit the other pipeline', async () => {
    const params_schema = { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } };
    const other = await user.pipeline(project, [noop('work')], { params_schema });
    const run = await user.start(project, (await user.pipeline(project, [call(other.id)])).id);
    expect((await user.ended(run)).error).toMatchObject({
      type: 'InvalidParams',
      message: `pipeline '${other.id}': params.n is required`,
    });
  });

  it('cannot call itself for ever', async () => {
    const name = User.uniqueName('ouroboros');
    await user.pipeline(project, [call(name)], { name });
    const run = await user.start(project, name);
    expect((await user.ended(run)).error.message).toContain('10 runs below the first');
    const { body } = await tauro.api.get(`/api/v1/runs?pipeline_id=${name}`);
    expect(body.meta.total).toBe(11);
  });
});

describe('the time of a run', () => {
  let tauro: CommonTauro;
  let user: User;

  beforeAll(async () => {
    tauro = await CommonTauro.join();
    user = new User(tauro.api);
  });
  afterAll(() => tauro?.leave());

  it('is bounded by timeout_seconds: what runs is stopped and the failure is told', async () => {
    const nodes = [task('slow', 'sleep', { seconds: 600 }), wait('nap', 600), noop('tell')];
    const run = await user.startNew(nodes, { on_failure: ['tell'] }, { timeout_seconds: 1 });
    expect(await user.ended(run)).toMatchObject({
      state: 'FAILED',
      timeout_seconds: 1,
      error: { type: 'RunTimeout', message: 'it took longer than its timeout_seconds of 1 s' },
    });
    expect(await user.taskStates(run)).toEqual({ slow: 'CANCELLED', nap: 'CANCELLED', tell: 'SUCCESS' });
  });

  it('is bounded by a deadline, also for a run that nobody starts', async () => {
    const project = await user.project();
    const { id } = await user.pipeline(project, [noop('a')]);
    const deadline = new Date(Date.now() + 1500).toISOString();
    const { body } = await tauro.api.post('/api/v1/runs', { project_id: project, pipeline_id: id, deadline });
    expect(body.data).toMatchObject({ state: 'PENDING', deadline });
    const run = await user.ended(body.data.id);
    expect(run).toMatchObject({ state: 'FAILED', error: { type: 'RunTimeout' } });
  });

  it.each([
    ['deadline', '2020-01-01T00:00:00Z', 'is over already'],
    ['deadline', 'tomorrow', 'must be ISO 8601'],
    ['timeout_seconds', 0, 'must be a positive number'],
    ['timeout_seconds', 1e12, 'must not be greater'],
  ])('refuses %s %p', async (field, value, message) => {
    const project = await user.project();
    const { id } = await user.pipeline(project, [noop('a')]);
    const body = { project_id: project, pipeline_id: id, [field]: value };
    const answer = await tauro.api.post('/api/v1/runs', body);
    expect(answer.status).toBe(422);
    expect(answer.body.error.details).toEqual([
      expect.objectContaining({ field, message: expect.stringContaining(message) }),
    ]);
  });
});
