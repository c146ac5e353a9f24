import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type JsonObject } from '@tauro/domain';
import { CONNECTION_KINDS, type OpenConnection } from '@tauro/nodes';
import { sourceNode } from '../../libs/nodes/src/source/source.node.js';
import { NodeHarness } from '../../libs/nodes/src/tables/node-harness.js';

/** 250 records, handed out in every way that services have. */
const RECORDS = Array.from({ length: 250 }, (_, id) => ({ id, name: `n${id}` }));

describe('a service that answers JSON', () => {
  let server: Server;
  let url: string;
  let harness: NodeHarness;
  let asked: { path: string; headers: IncomingMessage['headers'] }[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => answer(request, response)).listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    harness = await NodeHarness.create({ egressAllowPrivate: true });
  });
  afterAll(async () => {
    server?.closeAllConnections();
    server?.close();
    await harness?.close();
  });
  beforeEach(() => (asked = []));

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url!, url);
    asked.push({ path: request.url!, headers: request.headers });
    const send = (body: unknown, headers: Record<string, string> = {}, status = 200): void => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    };
    const number = (name: string, standard: number): number => Number(searchParams.get(name) ?? standard);
    const from = number('from', 0);
    const part = RECORDS.slice(from, from + 100);
    const next = from + 100 < RECORDS.length ? from + 100 : null;
    switch (pathname) {
      case '/v1/all':
        return send(RECORDS);
      case '/v1/nested':
        return send({ data: { items: RECORDS.slice(0, 3) }, errors: [] });
      case '/v1/page': {
        const size = number('per_page', 60);
        return send({ rows: RECORDS.slice((number('page', 1) - 1) * size, number('page', 1) * size) });
      }
      case '/v1/offset':
        return send({ rows: RECORDS.slice(number('offset', 0), number('offset', 0) + number('limit', 10)) });
      case '/v1/cursor':
        return send({ rows: part, meta: { next } });
      case '/v1/next_url':
        return send({ rows: part, next: next === null ? null : `/v1/next_url?from=${next}` });
      case '/v1/link':
        return send(
          part,
          next === null ? {} : { link: `<${url}/v1/link?from=${next}>; rel="next", <${url}/x>; rel="last"` },
        );
      case '/v1/elsewhere':
        return send({ rows: part, next: 'http://attacker.example.com/steal' });
      case '/v1/text':
        return send('<html>');
      case '/v1/busy':
        return send({ error: 'later' }, { 'retry-after': '3' }, 429);
      default:
        return send({ error: 'no such thing' }, {}, 404);
    }
  }

  const api = (
    config: JsonObject = {},
    secret: Record<string, string> = {},
  ): { connection: OpenConnection } => ({
    connection: {
      id: 'conn_1',
      name: 'api',
      kind: 'http',
      config: { base_url: `${url}/v1`, ...config },
      secret,
    },
  });
  const read = (config: JsonObject, through = api()): Promise<unknown> =>
    harness.run(sourceNode, 'in', { source_type: 'http', ...config }, through);

  it.each<[string, JsonObject, number]>([
    ['in one answer', { path: '/all' }, 1],
    [
      'by the number of the page',
      { path: 'page', records: 'rows', pagination: { style: 'page', size_param: 'per_page', size: 100 } },
      4,
    ],
    ['by how many have been seen', { path: '/offset', records: 'rows', pagination: { style: 'offset' } }, 3],
    [
      'by a cursor',
      { path: '/cursor', records: 'rows', pagination: { style: 'cursor', param: 'from', next: 'meta.next' } },
      3,
    ],
    [
      'by the address of the next',
      { path: '/next_url', records: 'rows', pagination: { style: 'next_url', next: 'next' } },
      3,
    ],
    ['by a Link header', { path: '/link', pagination: { style: 'link' } }, 3],
  ])('is read %s', async (_, config, pages) => {
    await expect(read({ query: { kind: 'x' }, ...config })).resolves.toMatchObject({ rows: 250 });
    expect((await harness.rows('in'))[249]).toEqual({ id: 249, name: 'n249' });
    expect(asked).toHaveLength(pages);
    expect(asked[0]!.path).toContain('kind=x');
  });

  it('says where its records are, and of what type', async () => {
    await read({ path: '/nested', records: 'data.items', columns: { id: 'VARCHAR' } });
    expect(await harness.rows('in')).toEqual([{ id: '0' }, { id: '1' }, { id: '2' }]);
  });

  it('is asked only for what is new', async () => {
    const incremental = { column: 'id', param: 'since' };
    const read = (value: string | null, config: JsonObject = {}): Promise<unknown> => {
      const mark = { by: 'id', value };
      const given = { source_type: 'http', path: '/all', incremental, ...config };
      return harness.run(sourceNode, 'in', given, { ...api(), mark });
    };
    await expect(read(null)).resolves.toMatchObject({ rows: 250, mark: '249' });
    await expect(read('247')).resolves.toMatchObject({ rows: 2, mark: '249' });
    expect(asked.map(({ path }) => path)).toEqual(['/v1/all', '/v1/all?since=247']);
    const none = await read('249');
    expect([none, harness.columns('in').length]).toEqual([expect.not.objectContaining({ mark: '249' }), 2]);
    await read(null, { incremental: { column: 'id', initial: 248 } });
    expect(await harness.rows('in')).toEqual([{ id: 249, name: 'n249' }]);
    expect(await harness.failure(read('1', { incremental: { column: 'nope' } }))).toMatch(
      /^ColumnNotFound: .*nope/,
    );
  });

  it('is told who asks', async () => {
    await read({ path: '/all' }, api({ auth: 'bearer' }, { token: 'tok/1' }));
    await read({ path: '/all' }, api({ auth: 'basic', user: 'ana' }, { password: 'p:w' }));
    await read({ path: '/all' }, api({ auth: 'header', headers: { 'X-Team': 'a' } }, { token: 'tok/2' }));
    expect(
      asked.map(({ headers }) => [headers.authorization, headers['x-api-key'], headers['x-team']]),
    ).toEqual([
      ['Bearer tok/1', undefined, undefined],
      [`Basic ${Buffer.from('ana:p:w').toString('base64')}`, undefined, undefined],
      [undefined, 'tok/2', 'a'],
    ]);
  });

  it('is told apart from what is none', async () => {
    const failing: [JsonObject, RegExp][] = [
      [{ path: '/none' }, /^HttpStatus: GET http:\/\/127\.0\.0\.1:\d+\/v1\/none answered 404/],
      [{ path: '/busy' }, /^HttpStatus: .* answered 429 \(Retry-After: 3/],
      [{ path: '/text' }, /^BadRow: page 1 is no JSON/],
      [{ path: '/nested' }, /^BadRow: the answer is no list; say where it is with records/],
      [{ path: '/nested', records: 'data' }, /^BadRow: 'data' of the answer is no list/],
      [
        {
          path: '/cursor',
          records: 'rows',
          max_pages: 2,
          pagination: { style: 'cursor', param: 'from', next: 'meta.next' },
        },
        /^InvalidConfig: there are more than 2 pages/,
      ],
      [
        { path: '/elsewhere', records: 'rows', pagination: { style: 'next_url', next: 'next' } },
        /^InvalidConfig: connection 'api': http:\/\/attacker\.example\.com is another service/,
      ],
    ];
    for (const [config, message] of failing) expect(await harness.failure(read(config))).toMatch(message);
    const gone = api({ base_url: 'http://127.0.0.1:1' });
    expect(await harness.failure(read({ path: '/' }, gone))).toMatch(
      /^ConnectionFailed: connection 'api': GET .*refused/,
    );
  });

  it('is tested by asking for its base', async () => {
    const how = { egressAllowPrivate: true, signal: AbortSignal.timeout(10_000) };
    expect(await CONNECTION_KINDS.get('http')!.test(api().connection, how)).toBe(`HTTP 404 from ${url}`);
  });
});
