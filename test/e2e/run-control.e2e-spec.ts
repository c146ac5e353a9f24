import { chain, noop, ONCE, task, wait } from '../support/nodes.js';
import { CommonTauro } from '../support/common-tauro.js';
import { expectStatus, User } from '../support/user.js';

describe('steering a run: pause, resume, rerun, conditions', () => {
  let tauro: CommonTauro;
  let user: User;

  beforeAll(async () => {
    tauro = await CommonTauro.join();
    user = new User(tauro.api);
  });
  afterAll(() => tauro?.leave());

  const post = (path: string, body?: object) => tauro.api.post(`/api/v1/runs/${path}`, body);

  it('a paused run starts nothing new, says so, and goes on when it is resumed', async () => {
    const runId = await user.startNew([wait('nap', 0.5), noop('after')], { edges: chain('nap', 'after') });
    const paused = expectStatus(await post(`${runId}/pause`), 202);
    expect(paused).toMatchObject({ state: 'PAUSED', waiting_reason: 'paused' });
    expect((await post(`${runId}/pause`)).status).toBe(202);

    expectStatus(await post(`${runId}/resume`), 202);
    expect((await user.ended(runId)).state).toBe('SUCCESS');
    const { status, body } = await post(`${runId}/resume`);
    expect([status, body.error.code]).toEqual([409, 'CONFLICT']);
    expect(body.error.message).toContain('SUCCESS');
  });

  it('a rerun repeats what failed, or what comes from a node on, and refuses a node that is not there', async () => {
    const nodes = [
      { id: 'rows', type: 'source', config: { source_type: 'inline', rows: [{ a: 1 }, { a: 2 }] } },
      task('gate', 'fail', {}, ONCE),
      { id: 'sum', type: 'processor', config: { sql: 'select sum(a) as total from "rows"' } },
    ];
    const edges = [
      { from: 'rows', to: 'sum' },
      { from: 'gate', to: 'sum' },
    ];
    const first = await user.startNew(nodes, { edges });
    expect((await user.ended(first)).state).toBe('FAILED');

    const again = expectStatus(await post(`${first}/rerun`, { from: 'rows' }), 201);
    expect(again.rerun_of).toBe(first);
    expect((await user.ended(again.id)).state).toBe('FAILED');

    const onlyFailed = expectStatus(await post(`${first}/rerun`, {}), 201);
    expect(expectStatus(await tauro.api.delete(`/api/v1/runs/${first}`), 200)).toMatchObject({
      deleted: true,
    });
    await user.ended(onlyFailed.id);
    expect(await user.taskStates(onlyFailed.id)).toMatchObject({
      rows: 'SUCCESS',
      gate: 'FAILED',
      sum: 'UPSTREAM_FAILED',
    });

    const unknown = await post(`${again.id}/rerun`, { from: 'nope' });
    expect([unknown.status, unknown.body.error.details[0].field]).toEqual([422, 'from']);
  });

  it('a rerun takes over tables, and outlives the run that made them', async () => {
    const nodes = [
      noop('a'),
      { id: 'b', type: 'processor', config: { sql: 'select * from "source"' } },
      { id: 'source', type: 'source', config: { source_type: 'inline', rows: [{ n: 7 }] } },
      { id: 'show', type: 'sink', config: { destination: 'console' } },
      task('late', 'echo', { rows: '{{ nodes.b.output.rows }}' }),
    ];
    const edges = [
      { from: 'source', to: 'b' },
      { from: 'b', to: 'show' },
      { from: 'b', to: 'late' },
    ];
    const first = await user.startNew(nodes, { edges });
    expect((await user.ended(first)).state).toBe('SUCCESS');
    const second = expectStatus(await post(`${first}/rerun`, { from: 'show' }), 201);
    expect(expectStatus(await tauro.api.delete(`/api/v1/runs/${first}`), 200)).toMatchObject({
      deleted: true,
    });
    const ended = await user.ended(second.id);
    expect(ended.state).toBe('SUCCESS');
    const { show, b } = await user.tasks(second.id);
    // The table outlived the run that made it.
    expect(show.output).toMatchObject({ rows: 1, preview: [{ n: 7 }] });
    expect(b.finished_at < second.created_at).toBe(true);
  });

  it('a node whose condition is false is skipped, and what needs it with it', async () => {
    const nodes = [
      task('measure', 'echo', { rows: 3 }),
      { ...noop('full'), when: "params.mode == 'full' && nodes.measure.state == 'SUCCESS'" },
      { ...noop('delta'), when: "params.mode == 'delta'" },
      noop('after_full'),
      { ...noop('join'), trigger_rule: 'none_failed' },
    ];
    const edges = [
      ...chain('measure', 'full', 'after_full', 'join'),
      { from: 'measure', to: 'delta' },
      { from: 'delta', to: 'join' },
    ];
    const runId = await user.startNew(nodes, { edges }, { params: { mode: 'delta' } });
    expect((await user.ended(runId)).state).toBe('SUCCESS');
    expect(await user.taskStates(runId)).toEqual({
      measure: 'SUCCESS',
      full: 'SKIPPED',
      delta: 'SUCCESS',
      after_full: 'SKIPPED',
      join: 'SUCCESS',
    });
  });
});
