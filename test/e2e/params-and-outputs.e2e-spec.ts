import { noop, task } from '../support/nodes.js';
import { CommonTauro } from '../support/common-tauro.js';
import { expectStatus, User } from '../support/user.js';

const ECHO = task('echo', 'echo', { n: '{{ params.n }}' });

describe('what goes into a run and what comes out of it', () => {
  let tauro: CommonTauro;
  let user: User;
  let project: string;

  beforeAll(async () => {
    tauro = await CommonTauro.join();
    user = new User(tauro.api);
    project = await user.project();
  });
  afterAll(() => tauro?.leave());

  const create = (fields: object): ReturnType<typeof tauro.api.post> =>
    tauro.api.post('/api/v1/runs', { project_id: project, ...fields });

  describe('params', () => {
    const params_schema = {
      type: 'object',
      required: ['n'],
      additionalProperties: false,
      properties: { n: { type: 'integer', minimum: 1 }, mode: { enum: ['full', 'delta'], default: 'full' } },
    };

    it('are completed and coerced when the run is made, and reach its nodes so', async () => {
      const { id, name } = await user.pipeline(project, [ECHO], { params_schema });
      const shown = expectStatus(await tauro.api.get(`/api/v1/pipelines/${id}`), 200);
      expect(shown.params_schema).toEqual(params_schema);
      const run = await user.ended(await user.start(project, name, { params: { n: '3' } }));
      expect(run).toMatchObject({ state: 'SUCCESS', params: { n: 3, mode: 'full' } });
      const { echo } = await user.tasks(run.id);
      expect(echo.output).toMatchObject({ params: { n: 3, mode: 'full' }, input: { n: 3 } });
      const again = await tauro.api.post(`/api/v1/runs/${run.id}/rerun`, { from: 'start' });
      expect(expectStatus(again, 201).params).toEqual({ n: 3, mode: 'full' });
    });

    it('that do not fit are refused by name, and nothing is stored', async () => {
      const { id } = await user.pipeline(project, [ECHO], { params_schema });
      const { status, body } = await create({ pipeline_id: id, params: { n: '0', mod: 'full' } });
      expect([status, body.error.code]).toEqual([422, 'VALIDATION_ERROR']);
      const fields = body.error.details.map(({ field }: { field: string }) => field);
      expect(fields.sort()).toEqual(['params.mod', 'params.n']);
      expect((await tauro.api.get(`/api/v1/runs?pipeline_id=${id}`)).body.meta.total).toBe(0);
      const none = await create({ pipeline_id: id });
      expect(none.body.error.details).toMatchObject([{ field: 'params.n', type: 'missing' }]);
    });

    it.each([
      [
        'a remote $ref',
        { properties: { a: { $ref: 'http://127.0.0.1/x' } } },
        /^params_schema\.properties\.a\.\$ref$/,
      ],
      ['a bad default', { properties: { a: { type: 'integer', default: 'x' } } }, /default$/],
      ['a look-behind', { properties: { a: { pattern: '(?<=a)b' } } }, /pattern$/],
    ])('cannot be described with %s', async (_, schema, field) => {
      const body = {
        project_id: project,
        name: User.uniqueName('p'),
        nodes: [noop('a')],
        params_schema: schema,
      };
      const answer = await tauro.api.post('/api/v1/pipelines', body);
      expect(answer.status).toBe(422);
      expect(answer.body.error.details[0].field).toMatch(field);
    });
  });

  describe('outputs', () => {
    it('of nodes are what they were declared to be, or the task fails and says why', async () => {
      const times = { times: 0 };
      const runId = await user.startNew([
        task('right', 'fail_times', times, { outputs: { succeeded_at: 'integer' } }),
        task('wrong', 'fail_times', times, { outputs: { succeeded_at: 'string', rows: 'any' } }),
      ]);
      expect((await user.ended(runId)).state).toBe('FAILED');
      const { right, wrong } = await user.tasks(runId);
      expect(right).toMatchObject({ state: 'SUCCESS', output: { succeeded_at: 1 } });
      expect(wrong).toMatchObject({
        state: 'FAILED',
        attempt: 1,
        error: { type: 'InvalidOutput' },
        output: null,
      });
      expect(wrong.error.message).toMatch(
        /succeeded_at must be a string, got the number 1; 'rows' is missing/,
      );
    });

    it('of a run are put together from those of its nodes once it has succeeded', async () => {
      const outputs = {
        at: '{{ nodes.work.output.succeeded_at }}',
        text: 'n={{ params.n }}, {{ nodes.work.state }}',
        list: [{ fixed: true, none: '{{ nodes.work.output.nope | default(0) }}' }],
      };
      const runId = await user.startNew(
        [task('work', 'fail_times', { times: 0 })],
        { outputs },
        { params: { n: 2 } },
      );
      expect(await user.ended(runId)).toMatchObject({
        state: 'SUCCESS',
        outputs: { at: 1, text: 'n=2, SUCCESS', list: [{ fixed: true, none: 0 }] },
      });
    });

    it('that a run owes and cannot give fail it', async () => {
      const outputs = { rows: '{{ nodes.work.output.rows }}' };
      const runId = await user.startNew([task('work', 'fail_times', { times: 0 })], { outputs });
      const run = await user.ended(runId);
      expect(run).toMatchObject({ state: 'FAILED', outputs: null, error: { type: 'TemplateError' } });
      expect(run.error.message).toContain("has no 'rows'");
    });

    it('cannot name a node that there is not, nor what only a node sees', async () => {
      const body = {
        project_id: project,
        name: User.uniqueName('p'),
        nodes: [noop('a', { outputs: { x: { tpye: 'string' } } })],
        outputs: { one: '{{ nodes.b.output }}', two: '{{ env.HOME }}' },
      };
      const { status, body: answer } = await tauro.api.post('/api/v1/pipelines', body);
      expect(status).toBe(422);
      const fields = answer.error.details.map(({ field }: { field: string }) => field);
      expect(fields.sort()).toEqual(['nodes.0.outputs.x.tpye', 'outputs.one', 'outputs.two']);
    });
  });
});
