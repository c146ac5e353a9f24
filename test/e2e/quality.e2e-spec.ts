import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chain, ONCE } from '../support/nodes.js';
import { CommonTauro } from '../support/common-tauro.js';
import { expectStatus, User } from '../support/user.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const V1 = '/api/v1';
const ORDERS = [
  { id: 1, total: 10, state: 'paid' },
  { id: 2, total: -5, state: 'paid' },
  { id: 2, total: 7, state: 'open' },
  { id: 3, total: 20, state: 'lost' },
];

/** Orders that are read, checked, and written to a file. */
function checked(checks: object[], path: string): { nodes: object[]; edges: object[] } {
  return {
    nodes: [
      { id: 'orders', type: 'source', config: { source_type: 'inline', rows: ORDERS } },
      { id: 'clean', type: 'processor', config: { checks }, ...ONCE },
      { id: 'out', type: 'sink', config: { destination: 'file', path }, ...ONCE },
    ],
    edges: chain('orders', 'clean', 'out'),
  };
}

describe('quality checks', () => {
  let tauro: CommonTauro;
  let user: User;
  let project: string;
  beforeAll(async () => {
    tauro = await CommonTauro.join();
    user = new User(tauro.api);
    project = await user.project();
  });
  afterAll(() => tauro?.leave());

  const pipeline = async (checks: object[], path = 'orders.json'): Promise<any> => {
    const { nodes, edges } = checked(checks, path);
    return user.pipeline(project, nodes, { edges });
  };
  const list = async (path: string): Promise<any[]> =>
    expectStatus(await tauro.api.get(`${V1}/${path}`), 200);

  it('take bad rows out of what goes on, and tell what they found', async () => {
    const { id } = await pipeline(
      [
        { type: 'range', column: 'total', min: 0, severity: 'quarantine' },
        { type: 'unique', columns: ['id'], severity: 'warn', name: 'one row per order' },
        { type: 'accepted_values', column: 'state', values: ['paid', 'open'], severity: 'quarantine' },
        { type: 'row_count', min: 1 },
      ],
      'kept.json',
    );
    const run = await user.start(project, id);
    expect((await user.ended(run)).state).toBe('SUCCESS');
    expect(JSON.parse(readFileSync(join(tauro.files, 'kept.json'), 'utf8'))).toEqual([ORDERS[0], ORDERS[2]]);
    const { clean } = await user.tasks(run);
    expect(clean.output).toMatchObject({ rows: 2, quarantined: 2 });

    const results = await list(`runs/${run}/quality`);
    const told = { run_id: run, pipeline_id: id, project_id: project, node_id: 'clean', attempt: 1 };
    expect(results).toMatchObject([
      {
        ...told,
        task_id: clean.id,
        check: 'range(total)',
        type: 'range',
        severity: 'quarantine',
        passed: false,
        failed_rows: 1,
        total_rows: 4,
        samples: [{ total: -5 }],
      },
      // Of what is left.
      { ...told, check: 'one row per order', severity: 'warn', passed: true, failed_rows: 0, total_rows: 2 },
      { ...told, check: 'accepted_values(state)', passed: false, samples: [{ state: 'lost' }] },
      { ...told, check: 'row_count', passed: true, failed_rows: null, message: '2 rows' },
    ]);
    const kept = `runs/${run}/artifacts/clean`;
    expect(((await list(kept)) as any).preview.rows).toEqual([ORDERS[0], ORDERS[2]]);
    const out: any = await list(`${kept}?part=quarantine`);
    expect(out).toMatchObject({ rows: 2, node_id: 'clean', available: true });
    expect(out.preview.rows).toEqual([
      { ...ORDERS[1], failed_check: 'range(total)' },
      { ...ORDERS[3], failed_check: 'accepted_values(state)' },
    ]);
    const file = await fetch(`${tauro.url}${V1}/${kept}/download?part=quarantine&format=csv`);
    expect(file.headers.get('content-disposition')).toContain(`${run}-clean-quarantine.csv`);
    expect(await file.text()).toContain('3,20.0,lost,accepted_values(state)\n');
    const none = await tauro.api.get(`${V1}/runs/${run}/artifacts/orders?part=quarantine`);
    expect([none.status, none.body.error.message]).toEqual([
      404,
      expect.stringContaining('its checks have taken none out'),
    ]);
    const lines = (await user.logs(run)).map(({ level, message }) => `${level} ${message}`);
    expect(lines).toContain(
      'WARNING check quarantine: range(total) does not fit in 1 of 4 rows: {"total":-5}',
    );
    expect(lines).toContain('WARNING 2 rows quarantined');
    expect(await list(`runs/${run}/quality?passed=false&fields=check`)).toEqual([
      { id: results[0].id, check: 'range(total)' },
      { id: results[2].id, check: 'accepted_values(state)' },
    ]);
  });

  it('fail the task before anybody sees the table', async () => {
    const { id } = await pipeline(
      [
        { type: 'unique', columns: ['id'] },
        { type: 'row_count', max: 3 },
      ],
      'never.json',
    );
    const run = await user.start(project, id);
    const ended = await user.ended(run);
    expect(ended).toMatchObject({
      state: 'FAILED',
      error: {
        type: 'QualityFailed',
        node_id: 'clean',
        message:
          '2 of 2 checks failed: unique(id) does not fit in 2 of 4 rows: {"id":2}; row_count 4 rows, wanted at most 3',
      },
    });
    expect(await user.taskStates(run)).toEqual({
      orders: 'SUCCESS',
      clean: 'FAILED',
      out: 'UPSTREAM_FAILED',
    });
    expect((await list(`runs/${run}/quality`)).map(({ check, passed }) => [check, passed])).toEqual([
      ['unique(id)', false],
      ['row_count', false],
    ]);
    const { clean } = await user.tasks(run);
    expect(clean.attempts).toHaveLength(1);
  });

  it('are followed over the runs of a pipeline', async () => {
    const { id, name } = await pipeline([
      { type: 'range', column: 'total', min: 0, severity: 'warn' },
      { type: 'row_count', min: 1 },
    ]);
    const runs: string[] = [];
    for (let i = 0; i < 3; i++) {
      runs.push(await user.start(project, id));
      await user.ended(runs[i]!);
    }
    const all = await list(`pipelines/${id}/quality`);
    expect(all.map(({ run_id }) => run_id)).toEqual([...runs, ...runs].sort().reverse());
    const bad = await list(`pipelines/${name}/quality?check=range(total)&passed=false&node_id=clean`);
    expect(bad.map(({ run_id }) => run_id)).toEqual([...runs].reverse());
    expect(await list(`pipelines/${id}/quality?node_id=orders`)).toEqual([]);

    const pages: string[] = [];
    let cursor = '';
    do {
      const path = `${V1}/pipelines/${id}/quality?limit=4${cursor && `&cursor=${cursor}`}`;
      const { body } = await tauro.api.get(path);
      pages.push(...body.data.map((result: any) => result.id));
      cursor = body.meta.next_cursor;
    } while (cursor);
    expect(pages).toEqual(all.map((result) => result.id));
  });

  it('are refused where they make no sense, and unknown where there is nothing', async () => {
    const { nodes, edges } = checked(
      [
        { type: 'sql', expression: 'total >' },
        { type: 'row_count', min: 1, severity: 'quarantine' },
      ],
      'x.json',
    );
    const body = { project_id: project, name: User.uniqueName('bad'), nodes, edges };
    const { status, body: answer } = await tauro.api.post(`${V1}/pipelines`, body);
    expect([status, answer.error.details.map((detail: any) => detail.field)]).toEqual([
      422,
      ['nodes.1.config.checks.0.expression', 'nodes.1.config.checks.1'],
    ]);
    for (const path of [
      'runs/run_nobody/quality',
      'pipelines/pipe_nobody/quality',
      'pipelines/no_such/quality',
    ]) {
      expect((await tauro.api.get(`${V1}/${path}`)).status).toBe(404);
    }
  });
});
