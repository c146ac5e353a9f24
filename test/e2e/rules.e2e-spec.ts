import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { type Answer, type ApiClient } from '../support/api-client.js';
import { noop } from '../support/nodes.js';
import { CommonTauro } from '../support/common-tauro.js';
import { User } from '../support/user.js';

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Every error, whatever went wrong, comes in the same envelope and gives nothing of the inside away. */
function expectError(answer: Answer, status: number, code: string): void {
  expect([answer.status, answer.body?.error?.code]).toEqual([status, code]);
  expect(answer.body.error.message).toMatch(/\S/);
  expect(Array.isArray(answer.body.error.details)).toBe(true);
  expect(answer.body.meta.timestamp).toMatch(ISO);
  expect(answer.body.meta.request_id).toBe(answer.headers.get('x-request-id'));
  expect(JSON.stringify(answer.body)).not.toMatch(/node_modules|\.ts:|\.js:|Mongo|stack/);
}

describe('the rules that hold for every call', () => {
  let tauro: CommonTauro;
  let api: ApiClient;
  let user: User;

  beforeAll(async () => {
    tauro = await CommonTauro.join();
    api = tauro.api;
    user = new User(api);
  });
  afterAll(() => tauro?.leave());

  describe('envelope', () => {
    it('wraps one object in data and meta', async () => {
      const { body, status } = await api.post('/api/v1/projects', { name: User.uniqueName('p') });
      expect(status).toBe(201);
      expect(Object.keys(body).sort()).toEqual(['data', 'meta']);
      expect(body.meta.timestamp).toMatch(ISO);
      expect(body.meta.request_id).toMatch(/^[\w.-]{1,128}$/);
      expect(body.meta.version).toMatch(/^\d+\.\d+\.\d+/);
    });

    it.each(['projects', 'pipelines', 'runs'])('adds where a list of %s stands', async (list) => {
      const { body, status } = await api.get(`/api/v1/${list}?limit=3`);
      expect(status).toBe(200);
      expect(Array.isArray(body.data)).toBe(true);
      expect(body.meta).toMatchObject({ limit: 3, offset: 0 });
      expect(typeof body.meta.total).toBe('number');
      expect(typeof body.meta.has_more).toBe('boolean');
      expect(body.meta).toHaveProperty('next_cursor');
    });

    it('tells version, uptime and features at /info', async () => {
      const { body, status } = await api.get('/api/v1/info');
      expect(status).toBe(200);
      expect(body.data.version).toMatch(/^\d+\.\d+\.\d+/);
      expect(JSON.stringify(body.data)).toMatch(/uptime/);
      expect(JSON.stringify(body.data)).toMatch(/features/);
    });
  });

  describe('X-Request-ID', () => {
    it('is echoed and stored on what the request created', async () => {
      const id = 'night-batch.42';
      const answer = await api.post(
        '/api/v1/projects',
        { name: User.uniqueName('p') },
        { 'x-request-id': id },
      );
      expect(answer.headers.get('x-request-id')).toBe(id);
      expect(answer.body.meta.request_id).toBe(id);
      const stored = await tauro.database.collection('projects').findOne({ request_id: id });
      expect(stored?._id).toBe(answer.body.data.id);
    });

    it.each(['two words', 'x'.repeat(129), 'a/b'])('is replaced when it is %j', async (id) => {
      const answer = await api.get('/api/v1/projects', { 'x-request-id': id });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('x-request-id')).toMatch(/^req_[A-Za-z0-9]+$/);
    });
  });

  describe('what is refused', () => {
    it('400: JSON that is none', async () => {
      expectError(await api.send('POST', '/api/v1/projects', '{"name": '), 400, 'BAD_REQUEST');
    });

    it('400: headers without end, and what is no HTTP, in the same envelope', async () => {
      const long = await api.get(`/api/v1/projects?name=${'x'.repeat(20_000)}`);
      expectError(long, 400, 'BAD_REQUEST');
      expect(long.body.error.message).toContain('16 KB');
      expect(long.body.meta.request_id).toBe(long.headers.get('x-request-id'));

      const { hostname, port } = new URL(tauro.url);
      const socket = connect(Number(port), hostname);
      socket.write('hello?\r\n\r\n');
      const answer = await text(socket);
      expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
      expect(JSON.parse(answer.split('\r\n\r\n')[1]!)).toEqual({
        error: { code: 'BAD_REQUEST', message: expect.stringContaining('HTTP'), details: [] },
        meta: expect.objectContaining({ request_id: expect.stringMatching(/^req_/) }),
      });
    });

    it('415: a body that is not JSON', async () => {
      const answer = await api.send('POST', '/api/v1/projects', 'name=x', {
        'content-type': 'application/x-www-form-urlencoded',
      });
      expectError(answer, 415, 'UNSUPPORTED_MEDIA_TYPE');
    });

    it('413: more than a megabyte, but pipelines may be larger', async () => {
      const description = 'x'.repeat(1_100_000);
      expectError(
        await api.post('/api/v1/projects', { name: 'large', description }),
        413,
        'PAYLOAD_TOO_LARGE',
      );

      const projectId = await user.project();
      const nodes = [noop('only', { config: { handler: 'noop', input: { text: description } } })];
      const answer = await api.post('/api/v1/pipelines', { project_id: projectId, name: 'large', nodes });
      expect(answer.status).toBe(201);
    });

    it('405: a method that the path does not know', async () => {
      const answer = await api.send('PATCH', '/api/v1/projects', {});
      expectError(answer, 405, 'METHOD_NOT_ALLOWED');
      expect(answer.headers.get('allow')).toMatch(/GET/);
      expectError(await api.send('DELETE', '/api/v1/projects'), 405, 'METHOD_NOT_ALLOWED');
    });

    it('404: a path that nobody serves', async () => {
      expectError(await api.get('/api/v1/nothing'), 404, 'NOT_FOUND');
      expectError(await api.get('/nowhere'), 404, 'NOT_FOUND');
    });

    it('422: a body field that does not exist, each bad field on its own', async () => {
      const answer = await api.post('/api/v1/projects', { name: 'a b', colour: 'red', owner: 5 });
      expectError(answer, 422, 'VALIDATION_ERROR');
      const fields = answer.body.error.details.map((detail: { field: string }) => detail.field);
      expect(fields.sort()).toEqual(['colour', 'name', 'owner']);
      for (const detail of answer.body.error.details) {
        expect(detail).toEqual({
          field: expect.any(String),
          message: expect.stringMatching(/\S/),
          type: expect.stringMatching(/\S/),
        });
      }
    });

    it.each(['[]', '"text"', 'null', '7'])('422: a body that is %s', async (body) => {
      const { status } = await api.send('POST', '/api/v1/projects', body);
      expect([400, 422]).toContain(status);
    });

    it.each([
      ['projects', 'colour=red'],
      ['projects', 'limit=0'],
      ['projects', 'limit=101'],
      ['projects', 'limit=ten'],
      ['projects', 'offset=-1'],
      ['projects', 'sort=metadata'],
      ['runs', 'state=DONE'],
      ['runs', 'created_after=yesterday'],
      ['runs', 'project_id=abc'],
      ['runs', 'cursor=x&offset=5'],
      ['pipelines', 'page=2'],
    ])('422: GET /%s?%s, naming the parameter', async (list, query) => {
      const answer = await api.get(`/api/v1/${list}?${query}`);
      expectError(answer, 422, 'VALIDATION_ERROR');
      const named = answer.body.error.details.map((detail: { field: string }) => detail.field);
      expect(query.split('&').map((pair) => pair.split('=')[0])).toEqual(expect.arrayContaining(named));
      expect(named.length).toBeGreaterThan(0);
    });

    it.each(['projects', 'runs'])('422 for a malformed id and 404 for an absent one of %s', async (list) => {
      const prefix = list === 'projects' ? 'proj' : 'run';
      expectError(await api.get(`/api/v1/${list}/nonsense`), 422, 'VALIDATION_ERROR');
      expectError(await api.get(`/api/v1/${list}/${prefix}_${'a'.repeat(65)}`), 422, 'VALIDATION_ERROR');
      expectError(await api.get(`/api/v1/${list}/${prefix}_doesNotExist`), 404, 'NOT_FOUND');
    });

    it('404 when a body refers to what is not there', async () => {
      const projectId = await user.project();
      const pipeline = await user.pipeline(projectId, [noop('only')]);
      const runs = '/api/v1/runs';
      const nobody = { project_id: 'proj_doesNotExist', pipeline_id: pipeline.id };
      expectError(await api.post(runs, nobody), 404, 'NOT_FOUND');
      expectError(
        await api.post(runs, { project_id: projectId, pipeline_id: 'pipe_none' }),
        404,
        'NOT_FOUND',
      );
      expectError(await api.post(runs, { project_id: projectId, pipeline_id: 'no_such' }), 404, 'NOT_FOUND');
    });

    it('never lets an operator reach the database', async () => {
      const answer = await api.get('/api/v1/projects?name[$ne]=x');
      expectError(answer, 422, 'VALIDATION_ERROR');
    });
  });
});
