import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chain, ONCE, task } from '../../support/nodes.js';
import { CommonTauro } from '../../support/common-tauro.js';
import { expectStatus, User } from '../../support/user.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const FLIGHTS = [
  { origin: 'AMS', delay: 12, seats: [1, 2], departed: '2025-11-17T06:05:00' },
  { origin: 'CDG', delay: null, seats: [], departed: '2025-11-17T06:10:00' },
  { origin: 'x,"y"', delay: -3, seats: null, departed: null },
];
const COLUMNS = { origin: 'VARCHAR', delay: 'BIGINT', seats: 'INTEGER[]', departed: 'TIMESTAMP' };
const rows = (id: string, list: object[]): object => ({
  id,
  type: 'source',
  config: { source_type: 'inline', rows: list, columns: COLUMNS },
});
const sql = (id: string, text: string): object => ({ id, type: 'processor', config: { sql: text }, ...ONCE });

describe('the tables of a run', () => {
  let tauro: CommonTauro;
  let user: User;
  beforeAll(async () => {
    tauro = await CommonTauro.join();
    user = new User(tauro.api);
  });
  afterAll(() => tauro?.leave());

  const get = (path: string) => tauro.api.get(`/api/v1/runs/${path}`);
  const data = async (path: string): Promise<any> => expectStatus(await get(path), 200);
  const download = (path: string, init?: RequestInit) => fetch(`${tauro.url}/api/v1/runs/${path}`, init);
  /** What only the engine knows: where a table lies. */
  async function fileOf(runId: string, node_id: string): Promise<string> {
    const stored = await tauro.database
      .collection<any>('tasks')
      .findOne({ run_id: runId, node_id, index: null });
    return join(tauro.env.ARTIFACTS_URL!, stored!.engine.artifact.artifact);
  }
  async function ran(nodes: object[], rest: object = {}): Promise<string> {
    const runId = await user.startNew(nodes, rest);
    expect((await user.ended(runId)).state).toBe('SUCCESS');
    return runId;
  }

  it('are listed, looked into row by row, and downloaded', async () => {
    const runId = await ran(
      [
        rows('flights', FLIGHTS),
        sql(
          'late',
          "select origin, delay, 9007199254740993 as big, timestamp '2025-01-01 00:00:00' as at from flights where delay > 0",
        ),
        task('other', 'noop'),
      ],
      { edges: chain('flights', 'late') },
    );
    const list = await data(`${runId}/artifacts`);
    expect(list.map((one: any) => one.node_id)).toEqual(['flights', 'late']);
    const { expires_at } = await user.run(runId);
    expect(list[1]).toEqual({
      id: (await user.tasks(runId)).late.id,
      run_id: runId,
      node_id: 'late',
      attempt: 1,
      rows: 1,
      bytes: readFileSync(await fileOf(runId, 'late')).length,
      columns: [
        { name: 'origin', type: 'VARCHAR' },
        { name: 'delay', type: 'BIGINT' },
        { name: 'big', type: 'BIGINT' },
        { name: 'at', type: 'TIMESTAMP' },
      ],
      created_at: (await user.tasks(runId)).late.finished_at,
      expires_at,
      available: true,
    });
    const [only] = await data(`${runId}/artifacts?node_id=late&fields=rows`);
    expect(only).toEqual({ id: list[1].id, rows: 1 });

    const late = await data(`${runId}/artifacts/late`);
    expect(late).toEqual({
      ...list[1],
      preview: {
        limit: 100,
        offset: 0,
        has_more: false,
        shortened: false,
        rows: [{ origin: 'AMS', delay: 12, big: '9007199254740993', at: '2025-01-01T00:00:00' }],
      },
    });
    expect(await data(`${runId}/artifacts/${list[1].id}`)).toEqual(late);
    const second = (await data(`${runId}/artifacts/flights?limit=1&offset=1`)).preview;
    expect(second).toMatchObject({ limit: 1, offset: 1, has_more: true });
    expect(second.rows).toEqual([
      { origin: 'CDG', delay: null, seats: [], departed: expect.stringContaining('06:10') },
    ]);
    expect((await data(`${runId}/artifacts/flights?offset=3`)).preview).toMatchObject({
      has_more: false,
      rows: [],
    });

    const csv = await download(`${runId}/artifacts/flights/download?format=csv`);
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(csv.headers.get('content-disposition')).toBe(`attachment; filename="${runId}-flights.csv"`);
    expect((await csv.text()).split('\n')).toEqual([
      'origin,delay,seats,departed',
      'AMS,12,"[1, 2]",2025-11-17 06:05:00',
      'CDG,,[],2025-11-17 06:10:00',
      '"x,""y""",-3,,',
      '',
    ]);
    const ndjson = await (await download(`${runId}/artifacts/late/download?format=ndjson`)).text();
    expect(ndjson).toBe('{"origin":"AMS","delay":12,"big":9007199254740993,"at":"2025-01-01 00:00:00"}\n');
    const parquet = await download(`${runId}/artifacts/late/download`);
    expect(parquet.headers.get('content-disposition')).toBe(`attachment; filename="${runId}-late.parquet"`);
    expect(Buffer.from(await parquet.arrayBuffer()).equals(readFileSync(await fileOf(runId, 'late')))).toBe(
      true,
    );
    for (const format of ['csv', 'parquet']) {
      const head = await download(`${runId}/artifacts/late/download?format=${format}`, { method: 'HEAD' });
      expect([head.status, head.headers.get('content-disposition')]).toEqual([
        200,
        `attachment; filename="${runId}-late.${format}"`,
      ]);
    }
  });

  it('are found only where there are some, and asked for only as far as may be', async () => {
    const runId = await ran([rows('flights', FLIGHTS), task('other', 'noop')]);
    const refusal = async (path: string) => {
      const { status, body } = await get(path);
      return [status, body.error.code, body.error.details[0]?.field ?? body.error.message];
    };
    expect(await refusal(`${runId}/artifacts/other`)).toEqual([
      404,
      'NOT_FOUND',
      expect.stringMatching(/^table of task 'other' was not found in run 'run_\w+', which is SUCCESS; GET/),
    ]);
    expect(await refusal(`${runId}/artifacts/nobody`)).toEqual([
      404,
      'NOT_FOUND',
      expect.stringContaining("'nobody'"),
    ]);
    expect(await refusal(`${runId}/artifacts/flights?index=0`)).toEqual([
      404,
      'NOT_FOUND',
      expect.stringContaining('flights[0]'),
    ]);
    expect(await refusal('run_nobody/artifacts')).toEqual([
      404,
      'NOT_FOUND',
      expect.stringContaining('run_nobody'),
    ]);
    expect(await refusal(`${runId}/artifacts/flights?limit=101`)).toEqual([422, 'VALIDATION_ERROR', 'limit']);
    expect(await refusal(`${runId}/artifacts/flights?offset=-1`)).toEqual([
      422,
      'VALIDATION_ERROR',
      'offset',
    ]);
    expect(await refusal(`${runId}/artifacts/flights/download?format=xlsx`)).toEqual([
      422,
      'VALIDATION_ERROR',
      'format',
    ]);
    expect(await refusal(`${runId}/artifacts/not a node`)).toEqual([422, 'VALIDATION_ERROR', 'node_id']);
  });

  it('may belong to the items of a mapped node', async () => {
    const runId = await ran([
      rows('flights', FLIGHTS),
      task('each', 'give', { value: '{{ item }}' }, { for_each: { items: [1, 2] } }),
    ]);
    // No kind of node makes a table per item today; handlers of tomorrow may, and their record looks like this.
    const tasks = tauro.database.collection<any>('tasks');
    const { engine } = (await tasks.findOne({ run_id: runId, node_id: 'flights' }))!;
    await tasks.updateOne(
      { run_id: runId, node_id: 'each', index: 1 },
      { $set: { 'engine.artifact': engine.artifact } },
    );

    const list = await data(`${runId}/artifacts`);
    expect(list.map((one: any) => [one.node_id, one.index])).toEqual([
      ['each', 1],
      ['flights', undefined],
    ]);
    const item = await data(`${runId}/artifacts/each?index=1&limit=1`);
    expect(item).toMatchObject({ id: list[0].id, index: 1, preview: { rows: [{ origin: 'AMS' }] } });
    expect((await get(`${runId}/artifacts/each`)).status).toBe(404);
    expect((await get(`${runId}/artifacts/each?index=0`)).status).toBe(404);
    const file = await download(`${runId}/artifacts/each/download?index=1&format=csv`);
    expect(file.headers.get('content-disposition')).toContain(`${runId}-each[1].csv`);
    await file.text();
  });

  it('go on in a rerun that has taken them over, also when the first run is deleted', async () => {
    const flaky = task('flaky', 'fail', { message: 'on purpose' }, { ...ONCE, depends_on: ['flights'] });
    const first = await user.startNew([rows('flights', FLIGHTS), flaky]);
    await user.ended(first);
    const second = expectStatus(
      await tauro.api.post(`/api/v1/runs/${first}/rerun`, { from: 'failed' }),
      201,
    ).id;
    await user.ended(second);
    const [made] = await data(`${first}/artifacts`);
    const [taken] = await data(`${second}/artifacts`);
    expect(taken).toMatchObject({ run_id: second, created_at: made.created_at, rows: 3, available: true });

    expectStatus(await tauro.api.delete(`/api/v1/runs/${first}`), 200);
    expect((await get(`${first}/artifacts`)).status).toBe(404);
    expect((await get(`${first}/artifacts/flights/download`)).status).toBe(404);
    expect((await data(`${second}/artifacts/flights`)).preview.rows).toHaveLength(3);
  });

  it('that are gone from the store, or not what they were, are said to be so', async () => {
    const runId = await ran([rows('flights', FLIGHTS), sql('copy', 'select * from flights')], {
      edges: chain('flights', 'copy'),
    });
    rmSync(await fileOf(runId, 'flights'));
    const gone = expect.stringMatching(
      /'flights'.*was published, but its file is not in the artifact store any more/,
    );
    for (const path of ['flights', 'flights/download', 'flights/download?format=csv']) {
      const { status, body } = await get(`${runId}/artifacts/${path}`);
      expect([path, status, body.error.message]).toEqual([path, 404, gone]);
    }
    const list = await data(`${runId}/artifacts`);
    expect(list.map((one: any) => [one.node_id, one.available])).toEqual([
      ['copy', true],
      ['flights', false],
    ]);

    const file = await fileOf(runId, 'copy');
    writeFileSync(file, Buffer.alloc(readFileSync(file).length, 'x'));
    for (const path of ['copy', 'copy/download?format=ndjson']) {
      const { status, body } = await get(`${runId}/artifacts/${path}`);
      expect([status, body.error.code]).toEqual([500, 'INTERNAL_ERROR']);
      expect(body.error.message).toMatch(/^The table cannot be read: the table: /);
      expect(JSON.stringify(body)).not.toContain(tauro.env.ARTIFACTS_URL);
    }
    expect((await get(runId)).status).toBe(200);
  });
});
