import { ONCE, task } from '../support/nodes.js';
import { CommonTauro } from '../support/common-tauro.js';
import { expectStatus, User } from '../support/user.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const V1 = '/api/v1';

describe('variables', () => {
  let tauro: CommonTauro;
  let user: User;
  let project: string;
  beforeAll(async () => {
    tauro = await CommonTauro.join();
    user = new User(tauro.api);
    project = await user.project();
  });
  afterAll(() => tauro?.leave());

  const create = async (name: string, value: unknown, project_id: string | null = project): Promise<any> =>
    expectStatus(await tauro.api.post(`${V1}/variables`, { name, value, project_id }), 201);
  const given = async (pipeline: string): Promise<any> => {
    const { id } = await user.ended(await user.start(project, pipeline));
    return (await user.tasks(id)).gives;
  };

  it('are read when an attempt begins, those of the project before those for all', async () => {
    const name = User.uniqueName('batch');
    const value = { rows: [500, null], text: 'a' };
    const { id: global } = await create(name, value, null);
    const whole = await user.pipeline(project, [task('gives', 'give', { value: `{{ variables.${name} }}` })]);
    expect(whole.warnings).toEqual([]);
    expect((await given(whole.id)).output).toEqual(value);
    expectStatus(await tauro.api.put(`${V1}/variables/${global}`, { value: false }), 200);
    expect((await given(whole.id)).output).toBe(false);
    const { id: own } = await create(name, { rows: [7] });
    const part = { value: `{{ variables.${name}.rows[0] }}` };
    expect((await given((await user.pipeline(project, [task('gives', 'give', part)])).id)).output).toBe(7);
    expectStatus(await tauro.api.delete(`${V1}/variables/${own}`), 200);
    expect((await given(whole.id)).output).toBe(false);
  });

  it('that are not there are warned of, and fail the task that names them', async () => {
    const nodes = [task('gives', 'give', { value: '{{ variables.no_such }}' }, ONCE)];
    const pipeline = await user.pipeline(project, nodes);
    expect(pipeline.warnings).toMatchObject([
      { type: 'unknown_variable', field: 'nodes.0.config.input.value' },
    ]);
    const { error } = await given(pipeline.id);
    expect(error).toMatchObject({ type: 'TemplateError' });
    expect(error.message).toContain("there is no variable 'no_such'");
  });

  it('hold any JSON, but not too much of it, and only under a name', async () => {
    for (const value of [null, 0, '', [], 'x'.repeat(30_000)]) {
      const { id } = await create(User.uniqueName('any'), value);
      expect(expectStatus(await tauro.api.get(`${V1}/variables/${id}`), 200).value).toEqual(value);
    }
    for (const [body, field] of [
      [{ name: 'large', value: 'x'.repeat(33_000) }, 'value'],
      [{ name: 'none' }, 'value'],
      [{ name: 'a b', value: 1 }, 'name'],
    ] as const) {
      const { status, body: answer } = await tauro.api.post(`${V1}/variables`, body);
      expect([status, answer.error.details[0].field]).toEqual([422, field]);
    }
  });

  it('go with their project', async () => {
    const gone = await user.project();
    const { id } = await create('of_it', 1, gone);
    expectStatus(await tauro.api.delete(`${V1}/projects/${gone}`), 200);
    expect((await tauro.api.get(`${V1}/variables/${id}`)).status).toBe(404);
  });
});
