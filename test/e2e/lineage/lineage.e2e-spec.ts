import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chain, noop, ONCE, task } from '../../support/nodes.js';
import { WebhookReceiver } from '../../support/receivers.js';
import { Tauro } from '../../support/tauro.js';
import { expectStatus, User } from '../../support/user.js';
import { waitFor } from '../../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const file = (id: string, path: string, rest: object = {}): object => ({
  id,
  type: 'source',
  config: { source_type: 'file', path, ...rest },
  ...ONCE,
});
const sql = (id: string, text: string): object => ({ id, type: 'processor', config: { sql: text }, ...ONCE });
const sink = (id: string, path: string, rest: object = {}): object => ({
  id,
  type: 'sink',
  config: { destination: 'file', path, ...rest },
  ...ONCE,
});
const TOTAL = {
  rows_in: expect.any(Number),
  bytes_in: expect.any(Number),
  rows_out: expect.any(Number),
  bytes_out: expect.any(Number),
};

describe('what runs read and write', () => {
  let tauro: Tauro;
  let user: User;
  let server: WebhookReceiver;
  let project: string;
  beforeAll(async () => {
    server = await WebhookReceiver.start();
    tauro = await Tauro.start({
      env: {
        SECRET_KEY: randomBytes(32).toString('base64'),
        RECONCILE_SECONDS: '0.2',
        RETENTION_SWEEP_SECONDS: '0.3',
      },
    });
    user = new User(tauro.api);
    project = await user.project();
    writeFileSync(join(tauro.files, 'flights.csv'), 'origin,delay\nAMS,5\nCDG,25\nOSL,40\n');
  });
  afterAll(async () => {
    await tauro?.stop();
    await server?.stop();
  });

  const get = async (path: string): Promise<any> => expectStatus(await tauro.api.get(`/api/v1/${path}`), 200);
  const path = (name: string): string => join(tauro.files, name);
  async function ran(nodes: object[], rest: object = {}, of = project): Promise<string> {
    const runId = await user.start(of, (await user.pipeline(of, nodes, rest)).id);
    await user.ended(runId);
    return runId;
  }
  /** The record of a dataset, once the end of a run has been followed up. */
  const recorded = (name: string, test: (dataset: any) => boolean, of = project): Promise<any> =>
    waitFor(
      async () =>
        (await get(`datasets?project_id=${of}&name=${encodeURIComponent(name)}`)).find((one: any) =>
          test(one),
        ),
      { what: `a record of ${name}` },
    );

  it('is told by the run, node by node, and kept by dataset', async () => {
    const run = await ran(
      [
        file('flights', 'flights.csv'),
        sql('late', 'select origin, delay from flights where delay > 20'),
        sink('out', 'late.parquet'),
        noop('other'),
      ],
      { edges: chain('flights', 'late', 'out') },
    );
    const { flights, late, out, other } = await user.tasks(run);
    const columns = [
      { name: 'origin', type: 'VARCHAR' },
      { name: 'delay', type: 'BIGINT' },
    ];
    const lineage = await get(`runs/${run}/lineage`);
    const [read] = lineage.inputs;
    const [written] = lineage.outputs;
    expect(lineage).toEqual({
      run_id: run,
      inputs: [
        {
          id: expect.stringMatching(/^ds_/),
          namespace: 'file',
          name: path('flights.csv'),
          columns,
          rows: 3,
          bytes: 33,
        },
      ],
      outputs: [
        {
          id: expect.stringMatching(/^ds_/),
          namespace: 'file',
          name: path('late.parquet'),
          columns,
          rows: 2,
          bytes: out.output.bytes,
        },
      ],
      nodes: [
        {
          node_id: 'flights',
          type: 'source',
          tables: [],
          inputs: [read],
          outputs: [],
          rows_in: 3,
          bytes_in: 33,
          rows_out: 3,
          bytes_out: flights.output.bytes,
        },
        {
          node_id: 'late',
          type: 'processor',
          tables: ['flights'],
          inputs: [],
          outputs: [],
          rows_in: 3,
          bytes_in: flights.output.bytes,
          rows_out: 2,
          bytes_out: late.output.bytes,
        },
        {
          node_id: 'out',
          type: 'sink',
          tables: ['late'],
          inputs: [],
          outputs: [written],
          rows_in: 2,
          bytes_in: late.output.bytes,
          rows_out: 2,
          bytes_out: out.output.bytes,
        },
      ],
      truncated: false,
    });
    expect(late.metrics).toEqual({ rows: 2, bytes: late.output.bytes, ...TOTAL, rows_in: 3, rows_out: 2 });
    expect(other.metrics).toEqual({ rows: 0, bytes: 0, rows_in: 0, bytes_in: 0, rows_out: 0, bytes_out: 0 });
    expect((await user.run(run)).metrics.rows_processed).toBe(3 + 2 + 2);

    const source = await recorded(path('flights.csv'), ({ last_read }) => last_read?.run_id === run);
    expect(source).toEqual({
      id: read.id,
      project_id: project,
      namespace: 'file',
      name: path('flights.csv'),
      columns,
      last_written: null,
      last_read: {
        run_id: run,
        node_id: 'flights',
        pipeline_id: (await user.run(run)).pipeline_id,
        pipeline_name: (await user.run(run)).pipeline_name,
        at: flights.finished_at,
        rows: 3,
        bytes: 33,
      },
      created_at: expect.any(String),
      updated_at: flights.finished_at,
      expires_at: (await user.run(run)).expires_at,
    });
    expect(await get(`datasets/${read.id}`)).toEqual(source);

    // What one run writes the next one reads: the record has both.
    const next = await ran([file('again', 'late.parquet')]);
    const both = await recorded(path('late.parquet'), ({ last_read }) => last_read?.run_id === next);
    expect(both).toMatchObject({
      id: written.id,
      last_written: { run_id: run, node_id: 'out', rows: 2 },
      columns,
    });
  });

  it('is found by project, place and name, page by page', async () => {
    const own = await user.project();
    for (const name of ['a', 'b', 'c']) writeFileSync(path(`${name}.csv`), 'n\n1\n');
    const run = await ran(
      ['a', 'b', 'c'].map((name) => file(name, `${name}.csv`)),
      {},
      own,
    );
    await recorded(path('c.csv'), ({ last_read }) => last_read.run_id === run, own);
    const names: string[] = [];
    for (let cursor = ''; ;) {
      const { body } = await tauro.api.get(
        `/api/v1/datasets?project_id=${own}&sort=name&limit=1&fields=name${cursor}`,
      );
      names.push(...body.data.map((one: any) => one.name));
      if (!body.meta.has_more) break;
      cursor = `&cursor=${encodeURIComponent(body.meta.next_cursor)}`;
    }
    expect(names).toEqual(['a.csv', 'b.csv', 'c.csv'].map(path));
    expect(await get(`datasets?project_id=${own}&namespace=file`)).toHaveLength(3);
    expect(await get(`datasets?project_id=${own}&namespace=s3://other`)).toEqual([]);
    expect((await tauro.api.get('/api/v1/datasets/ds_nobody')).status).toBe(404);
    expect((await tauro.api.get('/api/v1/datasets/other')).status).toBe(422);
    expect((await tauro.api.get('/api/v1/runs/run_nobody/lineage')).status).toBe(404);
  });

  it('of several files is one dataset per path that the author wrote', async () => {
    mkdirSync(path('days'));
    for (const day of [1, 2, 3]) writeFileSync(path(`days/${day}.csv`), `n\n${day}\n`);
    const run = await ran([
      { id: 'all', type: 'source', config: { source_type: 'file', paths: ['days/*.csv', 'a.csv'] }, ...ONCE },
      file('folder', 'days', { format: 'csv' }),
    ]);
    const { nodes } = await get(`runs/${run}/lineage`);
    const inputs = Object.fromEntries(nodes.map((node: any) => [node.node_id, node.inputs]));
    expect(inputs.all).toMatchObject([
      { name: path('days/*.csv'), rows: null, bytes: 12 },
      { name: path('a.csv'), rows: null, bytes: 4 },
    ]);
    expect(inputs.folder).toMatchObject([{ name: path('days'), rows: 3, bytes: 12 }]);
  });

  it('from a server is told without user, query and secrets', async () => {
    const secret = 'not-for-anybody-else';
    expectStatus(
      await tauro.api.post('/api/v1/secrets', { project_id: project, name: 'hook', value: secret }),
      201,
    );
    const http = (id: string, config: object): object => ({ id, type: 'http', config, ...ONCE });
    const at = new URL(server.url);
    const run = await ran([
      http('read', {
        url: `http://hidden-user:hidden-password@${at.host}/items?token=hidden-token`,
        query: { more: 'hidden-too' },
      }),
      http('write', { url: `${server.url}/hooks/{{ secrets.hook }}`, body: { n: 1 } }),
    ]);
    expect((await user.run(run)).state).toBe('SUCCESS');
    const lineage = await get(`runs/${run}/lineage`);
    expect(lineage.inputs).toMatchObject([
      { namespace: server.url, name: '/items', rows: null, bytes: 'as told'.length },
    ]);
    expect(lineage.outputs).toMatchObject([{ namespace: server.url, name: '/hooks/***', bytes: 7 }]);
    const stored = await recorded('/hooks/***', ({ last_written }) => last_written.run_id === run);
    const everything = JSON.stringify([
      lineage,
      stored,
      await tauro.database.collection('tasks').find({ run_id: run }).toArray(),
    ]);
    for (const hidden of [secret, 'hidden-']) expect(everything).not.toContain(hidden);
  });

  it('is that of the run which did it: a rerun that has taken results over has read nothing', async () => {
    const first = await ran(
      [file('flights', 'flights.csv'), task('bad', 'fail', { message: 'on purpose' }, ONCE)],
      { edges: chain('flights', 'bad') },
    );
    await recorded(path('flights.csv'), ({ last_read }) => last_read.run_id === first);
    const second = expectStatus(
      await tauro.api.post(`/api/v1/runs/${first}/rerun`, { from: 'failed' }),
      201,
    ).id;
    await user.ended(second);
    expect((await get(`runs/${first}/lineage`)).inputs).toHaveLength(1);
    expect(await get(`runs/${second}/lineage`)).toMatchObject({
      inputs: [],
      nodes: [{ node_id: 'flights', inputs: [], rows_in: 0 }],
    });
  });

  it('is recorded also when whoever ended the run died just then', async () => {
    writeFileSync(path('crash.csv'), 'n\n1\n');
    const run = await ran([file('crash', 'crash.csv')]);
    const before = await recorded(path('crash.csv'), ({ last_read }) => last_read.run_id === run);
    const { database } = tauro;
    await waitFor(
      async () =>
        (await database.collection<any>('pipeline_runs').findOne({ _id: run }))!.engine.advanced === true,
      { what: 'the end to be followed up' },
    );
    // As a crash between the end and what follows it leaves things.
    await database.collection<any>('datasets').deleteOne({ _id: before.id });
    await database
      .collection<any>('pipeline_runs')
      .updateOne({ _id: run }, { $set: { 'engine.advanced': false, 'engine.check_at': new Date() } });
    const after = await recorded(path('crash.csv'), ({ last_read }) => last_read.run_id === run);
    expect({ ...after, created_at: before.created_at }).toEqual(before);
  });

  it('is forgotten with the last run that has used it', async () => {
    const short = await user.project();
    writeFileSync(path('short.csv'), 'n\n1\n');
    const run = await ran([file('short', 'short.csv')], {}, short);
    const record = await recorded(path('short.csv'), () => true, short);
    expect(record.expires_at).toBe((await user.run(run)).expires_at);
    // As if the ninety days were over.
    const over = { $set: { expires_at: new Date(Date.now() - 1000) } };
    await tauro.database.collection<any>('pipeline_runs').updateOne({ _id: run }, over);
    await tauro.database.collection<any>('datasets').updateOne({ _id: record.id }, over);
    const gone = async (one: string): Promise<boolean> =>
      (await tauro.api.get(`/api/v1/${one}`)).status === 404;
    await waitFor(() => gone(`runs/${run}/artifacts`), { what: 'the run to be removed' });
    await waitFor(async () => (await get(`datasets?project_id=${short}`)).length === 0, {
      what: 'its dataset to be removed',
    });
    expect(await gone(`runs/${run}/lineage`)).toBe(true);
    expect(await get(`datasets?project_id=${project}`)).not.toEqual([]);
  });
});
