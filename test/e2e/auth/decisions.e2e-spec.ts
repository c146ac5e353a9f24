import { type ApiClient } from '../../support/api-client.js';
import { Secured } from '../../support/secured.js';
import { expectStatus, User } from '../../support/user.js';

describe('decisions of people who are known', () => {
  let secured: Secured;
  let ana: ApiClient;
  let ben: ApiClient;
  let user: User;

  beforeAll(async () => {
    secured = await Secured.start();
    [{ client: ana }, { client: ben }] = await Promise.all(
      ['ana', 'ben'].map((name) => secured.key({ name, roles: ['admin'] })),
    );
    user = new User(ana);
  });
  afterAll(() => secured?.stop());

  it('carry the name of their key, whatever they call themselves', async () => {
    const run = await user.startNew([{ id: 'gate', type: 'approval', config: {} }]);
    await user.runWhen(run, (one) => String(one.waiting_reason).includes('waits for approval'));
    const path = `/api/v1/runs/${run}/tasks/gate/approve`;
    const { output } = expectStatus(await ben.post(path, { by: 'the director', comment: 'fine' }), 200);
    expect(output).toMatchObject({ approved: true, by: 'ben', comment: 'fine' });
  });

  it('need a second person where a config goes to prod', async () => {
    const project_id = await user.project();
    const wanted = { project_id, environment: 'staging', name: 'limits', data: { rows: 5 } };
    const { version_id } = expectStatus(await ana.post('/api/v1/configs', wanted), 201);
    const wish = expectStatus(await ana.post(`/api/v1/config-versions/${version_id}/promote`), 202);
    const approve = `/api/v1/config-promotions/${wish.id}/approve`;
    expect((await ana.post(approve)).body.error).toMatchObject({ code: 'FORBIDDEN' });
    expect(expectStatus(await ben.post(approve), 200)).toMatchObject({ state: 'PROMOTED' });
    const there = await ana.get(`/api/v1/configs?project_id=${project_id}&environment=prod`);
    expect(there.body.data).toMatchObject([{ name: 'limits', data: { rows: 5 } }]);
  });
});
