import { noop, ONCE, task } from '../support/nodes.js';
import { CommonTauro } from '../support/common-tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

const TELL = {
  state: '{{ run.state }}',
  work: '{{ nodes.work.state }}',
  why: "{{ run.error.message | default('') }}",
};
const STAGES = { on_failure: ['alert'], finally: ['tidy'] };
const pipeline = (work: object): object[] => [work, task('alert', 'echo', TELL), task('tidy', 'echo', TELL)];

describe('nodes that follow the end of a run', () => {
  let tauro: CommonTauro;
  let user: User;

  beforeAll(async () => {
    tauro = await CommonTauro.join();
    user = new User(tauro.api);
  });
  afterAll(() => tauro?.leave());

  it('tell how it failed, and it stays failed', async () => {
    const runId = await user.startNew(pipeline(task('work', 'fail', { message: 'disk full' }, ONCE)), STAGES);
    expect(await user.ended(runId)).toMatchObject({ state: 'FAILED', error: { node_id: 'work' } });
    const { alert, tidy } = await user.tasks(runId);
    const told = { state: 'FAILED', work: 'FAILED', why: expect.stringContaining('disk full') };
    expect(alert.output.input).toEqual(told);
    expect(tidy.output.input).toEqual(told);
    expect(Date.parse(alert.finished_at)).toBeLessThanOrEqual(Date.parse(tidy.started_at));
  });

  it('tidy up after a success, without an alert', async () => {
    const runId = await user.startNew(pipeline(noop('work')), STAGES);
    expect((await user.ended(runId)).state).toBe('SUCCESS');
    const { alert, tidy } = await user.tasks(runId);
    expect(alert).toMatchObject({ state: 'SKIPPED', attempt: 0 });
    expect(tidy.output.input).toEqual({ state: 'SUCCESS', work: 'SUCCESS', why: '' });
  });

  it('tidy up after a cancel', async () => {
    const runId = await user.startNew(pipeline(task('work', 'sleep', { seconds: 600 })), STAGES);
    await waitFor(async () => (await user.taskStates(runId)).work === 'RUNNING', { what: 'the task to run' });
    expect((await tauro.api.post(`/api/v1/runs/${runId}/cancel`)).status).toBe(202);
    expect((await user.ended(runId)).state).toBe('CANCELLED');
    const { work, alert, tidy } = await user.tasks(runId);
    expect([work.state, alert.state, tidy.state]).toEqual(['CANCELLED', 'CANCELLED', 'SUCCESS']);
    expect(tidy.output.input).toMatchObject({ state: 'CANCELLED', work: 'CANCELLED' });
  });

  it('are marked in the graph, in layers of their own', async () => {
    const project = await user.project();
    const { id } = await user.pipeline(project, pipeline(noop('work')), STAGES);
    const { data } = (await tauro.api.get(`/api/v1/pipelines/${id}/dag`)).body;
    expect(data.layers).toEqual([['work'], ['alert'], ['tidy']]);
    const stages = data.nodes.map((node: { id: string; stage: string }) => [node.id, node.stage]);
    expect(stages).toEqual([
      ['work', 'main'],
      ['alert', 'on_failure'],
      ['tidy', 'finally'],
    ]);
    const shown = (await tauro.api.get(`/api/v1/pipelines/${id}`)).body.data;
    expect(shown).toMatchObject(STAGES);
  });

  it.each([
    ['a node that there is not', { finally: ['nope'] }, 'finally.0'],
    ['a main node that waits for one', { ...STAGES, edges: [{ from: 'tidy', to: 'work' }] }, 'edges'],
    ['a list that is none', { on_failure: 'alert' }, 'on_failure'],
  ])('cannot be %s', async (_, rest, field) => {
    const body = { name: User.uniqueName('p'), nodes: [noop('work'), noop('alert'), noop('tidy')], ...rest };
    const { status, body: answer } = await tauro.api.post('/api/v1/pipelines', body);
    expect([status, answer.error.details[0].field]).toEqual([422, field]);
  });
});
