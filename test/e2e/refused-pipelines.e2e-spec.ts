import { type ApiClient } from '../support/api-client.js';
import { chain, noop, task } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';

interface Refusal {
  what: string;
  nodes?: unknown;
  edges?: object[];
  config?: object;
  /** The field that must be named. */
  field: RegExp;
  /** What the message must tell: the node, and what is wrong with it. */
  tells: RegExp;
}

const node = (type: string, config: unknown, id = 'n'): object => ({ id, type, config });
const source = node('source', { source_type: 'inline', rows: [{ a: 1 }] }, 'src');

const REFUSALS: Refusal[] = [
  { what: 'no node', nodes: [], field: /^nodes$/, tells: /at least one/ },
  { what: 'nodes that are no list', nodes: { a: 1 }, field: /^nodes$/, tells: /array|list/ },
  {
    what: 'more than 10,000 nodes',
    nodes: Array.from({ length: 10_001 }, (_, i) => noop(`n${i}`)),
    field: /^nodes$/,
    tells: /10,?000/,
  },
  {
    what: 'a cycle',
    nodes: ['a', 'b', 'c'].map((id) => noop(id)),
    edges: chain('a', 'b', 'c', 'a'),
    field: /^edges/,
    tells: /a -> b -> c -> a|b -> c -> a -> b|c -> a -> b -> c/,
  },
  {
    what: 'a cycle through depends_on',
    nodes: [noop('a', { depends_on: ['b'] }), noop('b')],
    edges: chain('a', 'b'),
    field: /^edges|depends_on/,
    tells: /cycle.*(a -> b|b -> a)/,
  },
  {
    what: 'an edge to nowhere',
    nodes: [noop('a')],
    edges: chain('a', 'ghost'),
    field: /^edges\.0\.to$/,
    tells: /ghost/,
  },
  {
    what: 'an edge from nowhere',
    nodes: [noop('a')],
    edges: chain('ghost', 'a'),
    field: /^edges\.0\.from$/,
    tells: /ghost/,
  },
  { what: 'an edge to itself', nodes: [noop('a')], edges: chain('a', 'a'), field: /^edges\.0/, tells: /'a'/ },
  {
    what: 'a dependency on nobody',
    nodes: [noop('a', { depends_on: ['ghost'] })],
    field: /^nodes\.0\.depends_on/,
    tells: /ghost/,
  },
  { what: 'two nodes of one id', nodes: [noop('a'), noop('a')], field: /^nodes\.1\.id$/, tells: /'a'/ },
  { what: 'a bad node id', nodes: [noop('a b')], field: /^nodes\.0\.id$/, tells: /a b/ },
  {
    what: 'an unknown type',
    nodes: [noop('ok'), node('teleport', {}, 'beam')],
    field: /^nodes\.1\.type$/,
    tells: /beam.*teleport|teleport.*beam/,
  },
  { what: 'a node without a type', nodes: [{ id: 'a' }], field: /^nodes\.0\.type$/, tells: /\S/ },
  {
    what: 'an unknown node field',
    nodes: [noop('a', { colour: 1 })],
    field: /^nodes\.0\.colour$/,
    tells: /\S/,
  },
  {
    what: 'a source without a kind',
    nodes: [node('source', {})],
    field: /^nodes\.0\.config/,
    tells: /source_type/,
  },
  {
    what: 'a file source without a path',
    nodes: [node('source', { source_type: 'file' })],
    field: /^nodes\.0\.config/,
    tells: /path/,
  },
  {
    what: 'a path that is a number',
    nodes: [node('source', { source_type: 'file', path: 7 })],
    field: /^nodes\.0\.config\.path$/,
    tells: /string/,
  },
  {
    what: 'a misspelt config key',
    nodes: [node('wait', { seconds: 1, secnods: 2 })],
    field: /^nodes\.0\.config/,
    tells: /secnods/,
  },
  {
    what: 'a negative wait',
    nodes: [node('wait', { seconds: -1 })],
    field: /^nodes\.0\.config\.seconds$/,
    tells: /0/,
  },
  {
    what: 'a task without a handler',
    nodes: [node('task', {})],
    field: /^nodes\.0\.config/,
    tells: /handler/,
  },
  {
    what: 'an unknown transformation',
    nodes: [source, node('processor', { transformations: ['sparkle'] })],
    edges: chain('src', 'n'),
    field: /^nodes\.1\.config\.transformations/,
    tells: /sparkle|transformation/,
  },
  {
    what: 'SQL that reads a file of the host',
    nodes: [source, node('processor', { sql: "select * from read_csv('/etc/passwd')" })],
    edges: chain('src', 'n'),
    field: /^nodes\.1\.config\.sql$/,
    tells: /read_csv|\/etc\/passwd|inputs/,
  },
  {
    what: 'SQL that attaches a database',
    nodes: [source, node('processor', { sql: "attach '/tmp/x.db'" })],
    edges: chain('src', 'n'),
    field: /^nodes\.1\.config\.sql$/,
    tells: /select/i,
  },
  {
    what: 'an HTTP node without a url',
    nodes: [node('http', { method: 'GET' })],
    field: /^nodes\.0\.config/,
    tells: /url/,
  },
  {
    what: 'no attempt at all',
    nodes: [task('a', 'noop', undefined, { retry_policy: { max_attempts: 0 } })],
    field: /^nodes\.0\.retry_policy\.max_attempts$/,
    tells: /1/,
  },
  {
    what: 'a timeout of zero',
    nodes: [noop('a', { timeout_seconds: 0 })],
    field: /^nodes\.0\.timeout_seconds$/,
    tells: /0/,
  },
  {
    what: 'a parallelism of zero',
    nodes: [noop('a')],
    config: { max_parallelism: 0 },
    field: /^config\.max_parallelism$/,
    tells: /1/,
  },
];

describe('a pipeline that cannot work is refused at the door, and nothing of it is stored', () => {
  let tauro: Tauro;
  let api: ApiClient;
  let projectId: string;

  beforeAll(async () => {
    tauro = await Tauro.start({ workers: 0, env: { PIPELINES_PATH: '' } });
    api = tauro.api;
    projectId = await new User(api).project();
  });
  afterAll(() => tauro?.stop());

  it.each(REFUSALS)('$what', async ({ nodes, edges, config, field, tells }) => {
    const definition = {
      name: User.uniqueName('refused'),
      nodes,
      ...(edges && { edges }),
      ...(config && { config }),
    };
    const answer = await api.post('/api/v1/pipelines', { project_id: projectId, ...definition });
    expect([answer.status, answer.body.error?.code]).toEqual([422, 'VALIDATION_ERROR']);
    const details: { field: string; message: string }[] = answer.body.error.details;
    const fitting = details.filter((detail) => field.test(detail.field) && tells.test(detail.message));
    expect({ details, fitting }).toEqual({ details, fitting: expect.arrayContaining([expect.anything()]) });

    const stored = await tauro.database.collection('pipelines').countDocuments({ name: definition.name });
    expect(stored).toBe(0);
    expect(await tauro.database.collection('pipeline_versions').countDocuments({})).toBe(0);

    const validated = await api.post('/api/v1/pipelines/validate', definition);
    const told = JSON.stringify(validated.body);
    expect(validated.status === 422 || validated.body.data.valid === false).toBe(true);
    expect(told).toContain(fitting[0]!.field);
  });

  it('an update is held to the same rules, and leaves the pipeline as it was', async () => {
    const user = new User(api);
    const { id } = await user.pipeline(await user.project(), [noop('a'), noop('b')], {
      edges: chain('a', 'b'),
    });
    const answer = await api.put(`/api/v1/pipelines/${id}`, { edges: chain('a', 'b', 'a') });
    expect(answer.status).toBe(422);
    const { body } = await api.get(`/api/v1/pipelines/${id}`);
    expect(body.data).toMatchObject({ version: 1, edges: chain('a', 'b') });
    expect((await api.get(`/api/v1/pipelines/${id}/versions`)).body.data).toHaveLength(1);
  });

  it('tells every fault at once', async () => {
    const answer = await api.post('/api/v1/pipelines', {
      project_id: projectId,
      name: User.uniqueName('refused'),
      nodes: [node('wait', { seconds: 'soon' }, 'one'), node('wait', {}, 'two'), node('warp', {}, 'three')],
    });
    expect(answer.status).toBe(422);
    const places = answer.body.error.details.map((detail: { field: string }) => detail.field.slice(0, 7));
    expect([...new Set(places)].sort()).toEqual(['nodes.0', 'nodes.1', 'nodes.2']);
  });
});
