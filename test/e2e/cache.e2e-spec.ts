import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { chain, noop, task } from '../support/nodes.js';
import { CommonTauro } from '../support/common-tauro.js';
import { expectStatus, User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

const HOUR = { cache: { ttl_seconds: 3600 } };

describe('a node with a cache', () => {
  let tauro: CommonTauro;
  let user: User;
  let project: string;

  beforeAll(async () => {
    tauro = await CommonTauro.join();
    user = new User(tauro.api);
    project = await user.project();
  });
  afterAll(() => tauro?.leave());

  const store = async (nodes: object[], rest: object = {}): Promise<string> =>
    (await user.pipeline(project, nodes, rest)).id;
  const run = async (pipeline: string, params: object = {}): Promise<string> => {
    const id = await user.start(project, pipeline, { params });
    expect(await user.ended(id)).toMatchObject({ state: 'SUCCESS' });
    return id;
  };
  const cachedOf = async (id: string): Promise<Record<string, boolean>> =>
    Object.fromEntries(Object.entries(await user.tasks(id)).map(([name, { cached }]) => [name, cached]));
  const rerun = async (id: string, from: string): Promise<string> => {
    const again = expectStatus(await tauro.api.post(`/api/v1/runs/${id}/rerun`, { from }), 201);
    expect(await user.ended(again.id)).toMatchObject({ state: 'SUCCESS' });
    return again.id;
  };

  describe('that calls a handler', () => {
    it('is taken from the cache by the second run, which says so', async () => {
      const pipeline = await store([task('calc', 'echo', { n: 7 }, HOUR), noop('after')], {
        edges: chain('calc', 'after'),
      });
      const first = await run(pipeline);
      const second = await run(pipeline);
      const [made, taken] = [(await user.tasks(first)).calc, (await user.tasks(second)).calc];
      expect(made).toMatchObject({ cached: false, attempt: 1 });
      expect(taken).toMatchObject({ cached: true, state: 'SUCCESS', attempt: 1, metrics: null });
      expect(taken.attempts).toHaveLength(1);
      // The handler puts the run into its output: it is the first one's.
      expect(taken.output).toEqual(made.output);
      expect(taken.output.run.id).toBe(first);
      const lines = (await user.logs(second, `&task_id=${taken.id}`)).map(({ message }) => message);
      expect(lines.at(-1)).toMatch(
        new RegExp(`^task calc ended SUCCESS: taken from the cache \\(made by ${first}, \\d+ s ago\\)$`),
      );
    });

    it('executes when its params, its config or what stands before it are others', async () => {
      const nodes = (n: number): object[] => [
        task('before', 'echo', { list: '{{ params.list }}' }),
        task('calc', 'noop', { n }, HOUR),
      ];
      const edges = chain('before', 'calc');
      const pipeline = await store(nodes(1), { edges });
      await run(pipeline, { list: [1] });
      // What 'before' yields names its run.
      expect((await cachedOf(await run(pipeline, { list: [1] }))).calc).toBe(false);

      const alone = await store([task('calc', 'noop', { n: 2 }, HOUR)]);
      await run(alone, { day: 'mon' });
      expect(await cachedOf(await run(alone, { day: 'mon' }))).toEqual({ calc: true });
      expect(await cachedOf(await run(alone, { day: 'tue' }))).toEqual({ calc: false });
      const changed = await store([task('calc', 'noop', { n: 3 }, HOUR)]);
      expect(await cachedOf(await run(changed, { day: 'mon' }))).toEqual({ calc: false });
    });

    it('with a key depends on what that names', async () => {
      const cache = { key: '{{ params.day }}', ttl_seconds: 3600 };
      const pipeline = await store([task('calc', 'echo', {}, { cache })]);
      const first = await run(pipeline, { day: 'mon', who: 'ada' });
      const second = await run(pipeline, { day: 'mon', who: 'grace' });
      expect((await user.tasks(second)).calc).toMatchObject({ cached: true, output: { run: { id: first } } });
      expect(await cachedOf(await run(pipeline, { day: 'tue', who: 'ada' }))).toEqual({ calc: false });
    });

    it('is not shared with another project', async () => {
      const nodes = [task('calc', 'echo', { shared: 1 }, HOUR)];
      await run(await store(nodes));
      const other = await user.startNew(nodes);
      await user.ended(other);
      expect(await cachedOf(other)).toEqual({ calc: false });
    });

    it('executes again when its result has become too old', async () => {
      const pipeline = await store([task('calc', 'echo', { expires: 1 }, { cache: { ttl_seconds: 2 } })]);
      const first = await run(pipeline);
      const later = await waitFor(async () => {
        const id = await run(pipeline);
        return (await cachedOf(id)).calc ? null : id;
      });
      expect((await user.tasks(later)).calc.output.run.id).toBe(later);
      expect(later).not.toBe(first);
      const [made, again] = await Promise.all([first, later].map((id) => user.run(id)));
      expect(Date.parse(again.finished_at) - Date.parse(made.started_at)).toBeGreaterThanOrEqual(2000);
    });

    it('executes in a rerun that names where to begin, and leaves the newer result', async () => {
      const pipeline = await store([task('calc', 'echo', { again: 1 }, HOUR)]);
      const first = await run(pipeline);
      for (const from of ['start', 'calc']) {
        const again = await rerun(first, from);
        expect((await user.tasks(again)).calc).toMatchObject({
          cached: false,
          output: { run: { id: again } },
        });
        expect((await user.tasks(await run(pipeline))).calc.output.run.id).toBe(again);
      }
    });

    it('executes in the runs that such a rerun starts', async () => {
      const inner = await store([task('calc', 'echo', { inner: 1 }, HOUR)]);
      const outer = await store([{ id: 'sub', type: 'pipeline', config: { pipeline_id: inner } }]);
      const first = await run(outer);
      const calcOf = async (id: string) => (await user.tasks((await user.tasks(id)).sub.sub_run_id)).calc;
      expect((await calcOf(await run(outer))).cached).toBe(true);
      expect((await calcOf(await rerun(first, 'start'))).cached).toBe(false);
    });

    it('is not cached when it fails', async () => {
      const retry_policy = { max_attempts: 2, backoff_seconds: 0 };
      const pipeline = await store([task('calc', 'fail_times', { times: 1 }, { ...HOUR, retry_policy })]);
      expect((await user.tasks(await run(pipeline))).calc).toMatchObject({ attempt: 2, cached: false });
      expect((await user.tasks(await run(pipeline))).calc).toMatchObject({ attempt: 1, cached: true });
    });
  });

  it('mapped over a list is cached item by item', async () => {
    const cache = { key: '{{ item }}', ttl_seconds: 3600 };
    const pipeline = await store([
      task('each', 'echo', { item: '{{ item }}' }, { cache, for_each: { items: '{{ params.items }}' } }),
    ]);
    const first = await run(pipeline, { items: ['a', 'b'] });
    expect(await cachedOf(first)).toEqual({ each: false, 'each[0]': false, 'each[1]': false });
    const second = await run(pipeline, { items: ['b', 'c'] });
    expect(await cachedOf(second)).toEqual({ each: false, 'each[0]': true, 'each[1]': false });
    const { output } = (await user.tasks(second)).each;
    expect(output.items.map((one: { run: { id: string } }) => one.run.id)).toEqual([first, second]);
  });

  describe('that makes a table', () => {
    const file = (name: string): string => join(tauro.files, name);
    const pipelineOver = (name: string): Promise<string> =>
      store(
        [
          { id: 'rows', type: 'source', config: { source_type: 'file', path: name }, ...HOUR },
          { id: 'sum', type: 'processor', config: { sql: 'select sum(n) as n from "rows"' }, ...HOUR },
          {
            id: 'out',
            type: 'sink',
            config: { destination: 'file', path: '{{ params.out }}', write_mode: 'error' },
          },
        ],
        { edges: chain('rows', 'sum', 'out') },
      );
    const sumIn = (name: string): unknown => JSON.parse(readFileSync(file(name), 'utf8'));

    it('takes the table with it, also after the run that made it was deleted', async () => {
      writeFileSync(file('a.csv'), 'n\n1\n2\n');
      const pipeline = await pipelineOver('a.csv');
      const first = await run(pipeline, { out: 'a1.json' });
      expect(expectStatus(await tauro.api.delete(`/api/v1/runs/${first}`), 200)).toMatchObject({
        deleted: true,
      });
      const second = await run(pipeline, { out: 'a2.json' });
      expect(await cachedOf(second)).toEqual({ rows: true, sum: true, out: false });
      expect(sumIn('a2.json')).toEqual([{ n: 3 }]);
      const { rows, sum, out } = await user.tasks(second);
      expect(rows.output).toMatchObject({ rows: 2, columns: [{ name: 'n' }] });
      expect([rows.metrics, sum.metrics, out.metrics.rows]).toEqual([null, null, 1]);
      // What was taken is not counted as work of this run.
      expect((await user.run(second)).metrics.rows_processed).toBe(1);
    });

    it('executes when its file has changed, and what follows when that makes a difference', async () => {
      const name = 'b.csv';
      writeFileSync(file(name), 'n\n1\n2\n');
      const pipeline = await pipelineOver(name);
      await run(pipeline, { out: 'b1.json' });

      utimesSync(file(name), new Date(), new Date(Date.now() + 60_000));
      const touched = await run(pipeline, { out: 'b2.json' });
      expect(await cachedOf(touched)).toEqual({ rows: false, sum: true, out: false });

      writeFileSync(file(name), 'n\n1\n5\n');
      const changed = await run(pipeline, { out: 'b3.json' });
      expect(await cachedOf(changed)).toEqual({ rows: false, sum: false, out: false });
      expect(sumIn('b3.json')).toEqual([{ n: 6 }]);
    });

    it('executes when a file is added to its folder', async () => {
      const source = { source_type: 'file', path: 'c*.csv' };
      writeFileSync(file('c1.csv'), 'n\n1\n');
      const pipeline = await store([{ id: 'rows', type: 'source', config: source, ...HOUR }]);
      await run(pipeline);
      expect(await cachedOf(await run(pipeline))).toEqual({ rows: true });
      writeFileSync(file('c2.csv'), 'n\n2\n');
      const third = await run(pipeline);
      expect((await user.tasks(third)).rows).toMatchObject({ cached: false, output: { rows: 2 } });
    });

    it('that several runs make at once is kept once', async () => {
      const pipeline = await store([
        { id: 'rows', type: 'source', config: { source_type: 'inline', rows: [{ once: 1 }] }, ...HOUR },
      ]);
      const runs = await Promise.all(Array.from({ length: 4 }, () => run(pipeline)));
      expect(await cachedOf(await run(pipeline))).toEqual({ rows: true });
      const entries = await tauro.database
        .collection('node_cache')
        .find({ run_id: { $in: runs } })
        .toArray();
      expect(entries).toHaveLength(1);
      const { artifact } = entries[0]!.table;
      expect(readdirSync(dirname(join(tauro.env.ARTIFACTS_URL!, artifact)))).toEqual([basename(artifact)]);
    });

    it.each<[string, (path: string) => void]>([
      ['is gone', (path) => rmSync(path)],
      ['is damaged', (path) => truncateSync(path, 10)],
    ])('executes when the cached table %s', async (_, harm) => {
      const rows = [{ n: 1 }, { why: _ }];
      const pipeline = await store([
        { id: 'rows', type: 'source', config: { source_type: 'inline', rows }, ...HOUR },
      ]);
      const first = await run(pipeline);
      const entry = await tauro.database.collection('node_cache').findOne({ run_id: first });
      const path = join(tauro.env.ARTIFACTS_URL!, entry!.table.artifact);
      expect(existsSync(path)).toBe(true);
      expect(expectStatus(await tauro.api.delete(`/api/v1/runs/${first}`), 200)).toBeTruthy();
      harm(path);
      expect(await cachedOf(await run(pipeline))).toEqual({ rows: false });
      expect(await cachedOf(await run(pipeline))).toEqual({ rows: true });
    });
  });

  describe('that calls a service', () => {
    let server: Server;
    let calls = 0;
    beforeAll(async () => {
      server = createServer((_, answer) => {
        calls++;
        answer.setHeader('content-type', 'application/json').end(JSON.stringify({ calls }));
      }).listen(0, '127.0.0.1');
      await new Promise((done) => server.once('listening', done));
    });
    afterAll(() => server.close());

    it('calls it once', async () => {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const pipeline = await store([{ id: 'call', type: 'http', config: { url }, ...HOUR }]);
      await run(pipeline);
      const second = await run(pipeline);
      expect((await user.tasks(second)).call).toMatchObject({ cached: true, output: { body: { calls: 1 } } });
      expect(calls).toBe(1);
    });
  });

  it('is shown in the picture of its pipeline', async () => {
    const pipeline = await store([task('calc', 'noop', {}, HOUR), noop('plain')]);
    const { nodes } = expectStatus(await tauro.api.get(`/api/v1/pipelines/${pipeline}/dag`), 200);
    expect(nodes).toEqual([
      expect.objectContaining({ id: 'calc', cached: true }),
      expect.objectContaining({ id: 'plain', cached: false }),
    ]);
  });

  it.each<[string, object, string]>([
    [
      'a sink, which writes elsewhere',
      { id: 'x', type: 'sink', config: { destination: 'console' }, depends_on: ['rows'], ...HOUR },
      'nodes.1.cache',
    ],
    ['a wait', { id: 'x', type: 'wait', config: { seconds: 1 }, ...HOUR }, 'nodes.1.cache'],
    ['an approval', { id: 'x', type: 'approval', config: {}, ...HOUR }, 'nodes.1.cache'],
    ['no time', noop('x', { cache: { key: 'a' } }), 'nodes.1.cache.ttl_seconds'],
    ['a time that is none', noop('x', { cache: { ttl_seconds: 0 } }), 'nodes.1.cache.ttl_seconds'],
    ['a misspelt key', noop('x', { cache: { ttl_seconds: 1, keys: 'a' } }), 'nodes.1.cache.keys'],
    [
      'a template over a node that is not there',
      noop('x', { cache: { key: '{{ nodes.y.output }}', ttl_seconds: 1 } }),
      'nodes.1.cache.key',
    ],
    [
      'a template that is none',
      noop('x', { cache: { key: '{{ params. }}', ttl_seconds: 1 } }),
      'nodes.1.cache.key',
    ],
    [
      'an item without a list',
      noop('x', { cache: { key: '{{ item }}', ttl_seconds: 1 } }),
      'nodes.1.cache.key',
    ],
  ])('422 for %s, naming node and field', async (_, node, field) => {
    const rows = { id: 'rows', type: 'source', config: { source_type: 'inline', rows: [{ a: 1 }] } };
    const body = { name: User.uniqueName('p'), nodes: [rows, node] };
    const answer = await tauro.api.post('/api/v1/pipelines', body);
    expect(answer.status).toBe(422);
    expect(answer.body.error.details).toEqual([
      expect.objectContaining({ field, message: expect.stringContaining("node 'x'") }),
    ]);
  });

  it('fails with the template named when its key cannot be rendered', async () => {
    const pipeline = await store([
      task('calc', 'noop', {}, { cache: { key: '{{ params.x }}', ttl_seconds: 1 } }),
    ]);
    const id = await user.start(project, pipeline);
    expect((await user.ended(id)).error).toMatchObject({
      node_id: 'calc',
      message: expect.stringContaining('nodes.calc.cache.key'),
    });
  });
});
