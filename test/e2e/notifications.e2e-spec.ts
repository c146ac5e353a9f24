import { createHmac, timingSafeEqual } from 'node:crypto';
import { noop, ONCE, task } from '../support/nodes.js';
import { type Call, MailServer, WebhookReceiver } from '../support/receivers.js';
import { Tauro } from '../support/tauro.js';
import { expectStatus, User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const SECRET = 'the-secret-of-this-webhook';
const FAILS = task('bad', 'fail', { message: 'on purpose' }, ONCE);

/** As docs/notifications.md says that a receiver checks it. */
function isGenuine({ headers, body }: Call, secret: string): boolean {
  const timestamp = String(headers['x-tauro-timestamp']);
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) return false;
  const expected = `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
  const given = String(headers['x-tauro-signature']);
  return given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected));
}

describe('notifications', () => {
  let tauro: Tauro;
  let user: User;
  let hook: WebhookReceiver;
  let mail: MailServer;

  beforeAll(async () => {
    [hook, mail] = await Promise.all([WebhookReceiver.start(), MailServer.start()]);
    tauro = await Tauro.start({
      env: {
        SECRET_KEY: 'a secret key of this test',
        SMTP_URL: mail.url,
        SMTP_FROM: 'Tauro <tauro@example.com>',
        NOTIFICATION_ATTEMPTS: '4',
        NOTIFICATION_RETRY_SECONDS: '0.05',
        NOTIFICATION_TIMEOUT_SECONDS: '2',
        LEASE_SECONDS: '2',
        HEARTBEAT_SECONDS: '0.5',
        RECONCILE_SECONDS: '0.2',
      },
    });
    user = new User(tauro.api);
  });
  afterEach(() => {
    hook.answer = () => 200;
  });
  afterAll(async () => {
    await tauro?.stop();
    await Promise.all([hook?.stop(), mail?.stop()]);
  });

  /** A run of its own that ends; answers its id. */
  const ended = async (project: string, nodes: object[], rest: object = {}): Promise<string> => {
    const run = await user.start(project, (await user.pipeline(project, nodes, rest)).id);
    await user.ended(run);
    return run;
  };
  const of = async (query: string): Promise<any[]> =>
    expectStatus(await tauro.api.get(`/api/v1/notifications?${query}`), 200);
  const settled = (run: string, count = 1): Promise<any[]> =>
    waitFor(
      async () => {
        const all = await of(`run_id=${run}`);
        return all.length === count && all.every(({ state }) => state !== 'PENDING') ? all : undefined;
      },
      { what: `${count} notifications of ${run} to be settled` },
    );

  it('calls the webhook of a project when a run failed, signed', async () => {
    const project = await user.project({
      notifications: { webhook: { url: `${hook.url}/a`, secret: SECRET } },
    });
    const run = await ended(project, [FAILS]);
    const [notification] = await settled(run);
    expect(notification).toMatchObject({
      event: 'run.failure',
      channel: 'webhook',
      target: `${hook.url}/a`,
      state: 'SENT',
      attempt: 1,
      project_id: project,
      last_error: null,
    });
    const [call, ...more] = hook.about(run);
    expect(more).toEqual([]);
    expect(isGenuine(call!, SECRET)).toBe(true);
    expect(isGenuine(call!, 'another')).toBe(false);
    expect(call!.headers).toMatchObject({
      'content-type': 'application/json',
      'x-tauro-event': 'run.failure',
      'x-tauro-delivery': notification.id,
    });
    expect(JSON.parse(call!.body)).toMatchObject({
      id: notification.id,
      event: 'run.failure',
      data: {
        run: {
          id: run,
          state: 'FAILED',
          error: { node_id: 'bad', message: expect.stringContaining('on purpose') },
        },
        project: { id: project },
        schedule_id: null,
      },
    });
  });

  it('tells nobody of a run that succeeded, unless asked to', async () => {
    const quiet = await ended(await user.project({ notifications: { webhook: { url: hook.url } } }), [
      noop('fine'),
    ]);
    const told = await ended(
      await user.project({ notifications: { on_success: true, webhook: { url: hook.url } } }),
      [noop('fine')],
    );
    expect((await settled(told))[0]).toMatchObject({ event: 'run.success', state: 'SENT' });
    expect(hook.about(told)[0]!.headers['x-tauro-signature']).toBeUndefined();
    expect(await of(`run_id=${quiet}`)).toEqual([]);
  });
});
