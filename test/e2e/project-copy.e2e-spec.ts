import { noop } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- documents as they are stored */

describe('a copy of a project whose maker dies', () => {
  let tauro: Tauro;
  beforeAll(async () => {
    tauro = await Tauro.start({ env: { RETENTION_SWEEP_SECONDS: '1' } });
  });
  afterAll(() => tauro?.stop());

  const stored = (name: string) => tauro.database.collection<any>(name);

  it('is removed with all there is of it, while the original stays', async () => {
    const user = new User(tauro.api);
    const original = await user.project();
    for (let i = 0; i < 20; i++) await user.pipeline(original, [noop('only')]);
    const copying = tauro.api.post(`/api/v1/projects/${original}/duplicate`).catch(() => undefined);
    const pipelines = () => stored('pipelines').countDocuments({ project_id: { $nin: [original, null] } });
    await waitFor(async () => (await pipelines()) > 2, { what: 'a part of the copy', everyMs: 5 });
    await tauro.apiProcess().kill();
    await copying;
    expect(await pipelines()).toBeLessThan(20);
    const notes = await stored('project_removals').find().toArray();
    expect(notes).toHaveLength(1);
    // Ten minutes later.
    await stored('project_removals').updateMany({}, { $set: { check_at: new Date(0) } });
    await waitFor(async () => (await stored('project_removals').countDocuments()) === 0, {
      what: 'the removal to be finished',
    });
    expect(await pipelines()).toBe(0);
    tauro.startApi();
    await tauro.ready();
    const projects = (await tauro.api.get('/api/v1/projects')).body.data;
    expect(projects.map(({ id }: any) => id)).toEqual([original]);
    expect(await stored('pipelines').countDocuments({ project_id: original })).toBe(20);
    const again = await tauro.api.post(`/api/v1/projects/${original}/duplicate`);
    expect(again.status).toBe(201);
  });
});
