import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chain, ONCE } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { expectStatus, User } from '../support/user.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const V1 = '/api/v1';

describe('a source that reads only what is new', () => {
  let tauro: Tauro;
  let user: User;
  let project: string;
  beforeAll(async () => {
    tauro = await Tauro.start();
    user = new User(tauro.api);
    project = await user.project();
    mkdirSync(join(tauro.files, 'in'));
  });
  afterAll(() => tauro?.stop());

  const put = (name: string, ...rows: number[]): void =>
    writeFileSync(join(tauro.files, 'in', name), `id\n${rows.join('\n')}\n`);
  const marksOf = async (id: string): Promise<any[]> =>
    expectStatus(await tauro.api.get(`${V1}/pipelines/${id}/marks`), 200);
  const run = async (id: string, params: object = {}): Promise<any> => {
    const started = await user.start(project, id, { params });
    return user.ended(started);
  };
  const loaded = (): string[] =>
    readFileSync(join(tauro.files, 'out.csv'), 'utf8').trim().split('\n').slice(1);

  it('goes on after the last run that succeeded, and can be set back', async () => {
    const source = {
      id: 'days',
      type: 'source',
      config: { source_type: 'file', path: 'in/*.csv', incremental: { by: 'key' } },
    };
    const gate = {
      id: 'gate',
      type: 'processor',
      config: {
        transformations: [{ type: 'filter', where: 'id < {{ params.below }}' }],
        checks: [{ type: 'row_count', min: '{{ params.rows }}' }],
      },
      ...ONCE,
    };
    const sink = {
      id: 'out',
      type: 'sink',
      config: { destination: 'file', path: 'out.csv', write_mode: 'append' },
      ...ONCE,
    };
    const { id } = await user.pipeline(project, [source, gate, sink], {
      edges: chain('days', 'gate', 'out'),
    });
    put('2025-01-01.csv', 1, 2);
    put('2025-01-02.csv', 3);
    const well = { below: 100, rows: 0 };
    expect((await run(id, well)).state).toBe('SUCCESS');
    expect(loaded()).toEqual(['1', '2', '3']);
    const [mark] = await marksOf(id);
    expect(mark).toMatchObject({ node_id: 'days', by: 'key', value: 'in/2025-01-02.csv', updated_by: null });
    expect(mark.run_id).toMatch(/^run_/);

    // Nothing is new: no row, and what comes after still finds its columns.
    const idle = await run(id, well);
    expect([idle.state, loaded()]).toEqual(['SUCCESS', ['1', '2', '3']]);
    expect(await marksOf(id)).toEqual([mark]);

    // A run that fails takes nothing on; its rerun does, and the next run goes on from there.
    put('2025-01-03.csv', 4, 5);
    const failed = await run(id, { below: 100, rows: 9 });
    expect([failed.state, (await marksOf(id))[0].value]).toEqual(['FAILED', 'in/2025-01-02.csv']);
    expect((await run(id, well)).state).toBe('SUCCESS');
    expect(loaded()).toEqual(['1', '2', '3', '4', '5']);
    expect((await marksOf(id))[0].value).toBe('in/2025-01-03.csv');

    const at = `${V1}/pipelines/${id}/marks/days`;
    const { body, headers } = await tauro.api.get(at);
    expect(headers.get('etag')).toBe(`"${body.data.revision}"`);
    expect((await tauro.api.put(at, { value: 'in/2' }, { 'if-match': '"1"' })).status).toBe(412);
    const set = expectStatus(await tauro.api.put(at, { value: 'in/2025-01-02.csv' }), 200);
    expect(set).toMatchObject({ value: 'in/2025-01-02.csv', run_id: null, revision: body.data.revision + 1 });
    await run(id, well);
    expect(loaded()).toEqual(['1', '2', '3', '4', '5', '4', '5']);
    expect(expectStatus(await tauro.api.delete(at), 200)).toMatchObject({ value: null });
    await run(id, { below: 2, rows: 0 });
    expect(loaded()).toEqual(['1', '2', '3', '4', '5', '4', '5', '1']);

    const audit = expectStatus(await tauro.api.get(`${V1}/audit?resource=${mark.id}`), 200);
    expect((audit as any[]).map(({ action }) => action)).toHaveLength(2);
    expect((await tauro.api.get(`${V1}/pipelines/${id}/marks/gate`)).status).toBe(404);
    const refused = await tauro.api.put(`${V1}/pipelines/${id}/marks/gate`, { value: '1' });
    expect([refused.status, refused.body.error.details[0].field]).toEqual([422, 'node_id']);
    // With the pipeline its marks go.
    expectStatus(await tauro.api.delete(`${V1}/pipelines/${id}`), 200);
    expect(await tauro.database.collection('source_marks').countDocuments({ pipeline_id: id })).toBe(0);
  });

  it('keeps rows apart that do not fit, to be seen and downloaded', async () => {
    writeFileSync(join(tauro.files, 'bad.csv'), 'id,n\n1,10\n2,x\n3\n4,40\n');
    const options = { bad_rows: 'reject', columns: { n: 'INTEGER' } };
    const source = { id: 'rows', type: 'source', config: { source_type: 'file', path: 'bad.csv', options } };
    const sink = { id: 'out', type: 'sink', config: { destination: 'file', path: 'good.xlsx' }, ...ONCE };
    const { id } = await user.pipeline(project, [source, sink], { edges: chain('rows', 'out') });
    const started = await user.start(project, id);
    expect((await user.ended(started)).state).toBe('SUCCESS');
    expect((await user.tasks(started)).rows.output).toMatchObject({ rows: 2, quarantined: 2 });
    const at = `${V1}/runs/${started}/artifacts/rows`;
    const rejected: any = expectStatus(await tauro.api.get(`${at}?part=quarantine`), 200);
    expect(rejected.preview.rows).toEqual([
      { file: 'bad.csv', line: 3, column: 'n', reason: '"x" is not a INTEGER', text: '2,x' },
      { file: 'bad.csv', line: 4, column: 'n', reason: 'expected 2 columns, found 1: 3', text: '3' },
    ]);
    const file = await fetch(`${tauro.url}${at}/download?part=quarantine&format=ndjson`);
    expect((await file.text()).trim().split('\n')).toHaveLength(2);
    expect(readFileSync(join(tauro.files, 'good.xlsx')).subarray(0, 2).toString()).toBe('PK');
  });

  it('is refused what would make it read the same again', async () => {
    const source = {
      id: 'days',
      type: 'source',
      config: { source_type: 'file', path: 'in/*.csv', incremental: { by: 'key' } },
      cache: { ttl_seconds: 60 },
    };
    const answer = await tauro.api.post(`${V1}/pipelines`, {
      project_id: project,
      name: 'wrong',
      nodes: [source],
    });
    expect([answer.status, answer.body.error.details.map((one: any) => one.field)]).toEqual([
      422,
      ['nodes.0.cache'],
    ]);
  });
});
