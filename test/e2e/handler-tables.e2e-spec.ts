import { CommonTauro } from '../support/common-tauro.js';
import { chain, ONCE } from '../support/nodes.js';
import { expectStatus, User } from '../support/user.js';

describe('handlers that work on tables', () => {
  let tauro: CommonTauro;
  let user: User;

  beforeAll(async () => {
    tauro = await CommonTauro.join();
    user = new User(tauro.api);
  });
  afterAll(() => tauro?.leave());

  const flights = {
    id: 'flights',
    type: 'processor',
    config: { sql: "select 'AMS' as origin, i % 100 as delay from range({{ params.many }}) r(i), one" },
  };
  const one = { id: 'one', type: 'source', config: { source_type: 'inline', rows: [{ n: 1 }] } };
  const late = (config: object = {}) => ({
    id: 'late',
    type: 'task',
    config: { handler: 'late_flights', input: { least: 60 }, table: true, ...config },
    ...ONCE,
  });
  const count = {
    id: 'count',
    type: 'processor',
    config: { sql: 'select count(*) as n, min(delay) as least, max(hours) as hours from late' },
  };

  it('read one node by node, and hand on one that processors read and people look into', async () => {
    const edges = chain('one', 'flights', 'late', 'count');
    const runId = await user.startNew([one, flights, late(), count], { edges }, { params: { many: 50_000 } });
    expect((await user.ended(runId)).state).toBe('SUCCESS');
    const tasks = await user.tasks(runId);
    expect(tasks.late.output).toMatchObject({ value: { late: 20_000 }, rows: 20_000 });
    expect(tasks.late.metrics).toMatchObject({ rows_in: 50_000, rows_out: 20_000 });
    const path = `/api/v1/runs/${runId}/artifacts`;
    const table = async (node: string) => expectStatus(await tauro.api.get(`${path}/${node}`), 200);
    expect((await table('count')).preview.rows).toEqual([{ n: 20_000, least: 60, hours: 1.65 }]);
    expect((await table('late')).columns).toEqual([
      { name: 'origin', type: 'VARCHAR' },
      { name: 'delay', type: 'BIGINT' },
      { name: 'hours', type: 'DOUBLE' },
    ]);
    const lines = await user.logs(runId, `&task_id=${tasks.late.id}`);
    expect(lines.map(({ message }) => message)).toContain('20000 of 50000 flights are late');
  });

  it('are refused what their node does not say it makes, and what a node before has not made', async () => {
    const nodes = [one, flights, late({ table: undefined })];
    const runId = await user.startNew(
      [...nodes, { ...late(), id: 'blind' }],
      { edges: chain('one', 'flights', 'late') },
      { params: { many: 10 } },
    );
    expect((await user.ended(runId)).state).toBe('FAILED');
    const tasks = await user.tasks(runId);
    expect(tasks.late.error).toMatchObject({
      type: 'InvalidOutput',
      message: "tables.write: say 'table: true' in the config of the node",
    });
    expect(tasks.blind.error).toMatchObject({
      type: 'NoTable',
      message: "no node directly before made a table 'flights' (there are: none)",
    });

    const body = { name: 'x', nodes: [late({ table: undefined }), count], edges: chain('late', 'count') };
    const { errors } = expectStatus(await tauro.api.post('/api/v1/pipelines/validate', body), 200);
    expect(errors).toMatchObject([{ field: 'nodes.1.depends_on' }]);
  });
});
