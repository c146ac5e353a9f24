import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeBlocks } from '../support/markdown.js';
import { noop, ONCE, task } from '../support/nodes.js';
import { type Call, MailServer, WebhookReceiver } from '../support/receivers.js';
import { ROOT } from '../support/server-process.js';
import { Tauro } from '../support/tauro.js';
import { expectStatus, User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const SECRET = 'the-secret-of-this-webhook';
const FAILS = task('bad', 'fail', { message: 'on purpose' }, ONCE);

const docs = readFileSync(join(ROOT, 'docs/notifications.md'), 'utf8');
const RECIPE = codeBlocks(docs).find(({ code }) => code.includes('export function isGenuine'))!.code;

/** Asks the very code that docs/notifications.md gives to receivers. */
function isGenuine({ headers, body }: Call, secret: string): boolean {
  const script = `${RECIPE}\nprocess.stdout.write(String(isGenuine(...JSON.parse(process.argv[1]))));`;
  const call = JSON.stringify([headers, body, secret]);
  return execFileSync(process.execPath, ['--input-type=module', '-e', script, call]).toString() === 'true';
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
        SHOW_SQL_QUERIES: 'true',
        LOG_LEVEL: 'DEBUG',
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
  /** A failed run of a project with these settings. */
  const failed = async (notifications: object): Promise<string> =>
    ended(await user.project({ notifications }), [FAILS]);
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

  it('calls whom the pipeline names, signed with the secret that the project keeps for it', async () => {
    const url = `${hook.url}/pipeline`;
    const project = await user.project({
      notifications: { on_failure: false, webhook: { url, secret: SECRET } },
    });
    const run = await ended(project, [FAILS], { config: { notifications: { webhook: { url } } } });
    await settled(run);
    expect(isGenuine(hook.about(run)[0]!, SECRET)).toBe(true);
  });

  it('calls whom a schedule names, about the runs that it makes', async () => {
    const project_id = await user.project();
    const body = {
      project_id,
      pipeline_id: (await user.pipeline(project_id, [FAILS])).id,
      kind: 'CRON',
      expression: '0 2 * * *',
      config: { notifications: { webhook: { url: hook.url, secret: SECRET } } },
    };
    const schedule = expectStatus(await tauro.api.post('/api/v1/schedules', body), 201);
    expect(schedule.config.notifications).toEqual({ webhook: { url: hook.url, has_secret: true } });
    await tauro.api.post(`/api/v1/schedules/${schedule.id}/trigger`);
    const [sent] = await waitFor(async () => {
      const all = await of(`schedule_id=${schedule.id}&state=SENT`);
      return all.length > 0 ? all : undefined;
    });
    const [call] = hook.about(sent.run_id);
    expect(isGenuine(call!, SECRET)).toBe(true);
    expect(JSON.parse(call!.body).data.schedule_id).toBe(schedule.id);
  });

  it('tries again until the receiver has recovered, with the same id and body, signed anew', async () => {
    hook.answer = (_call, count) => (count < 3 ? 503 : 200);
    hook.calls.length = 0;
    const run = await failed({ webhook: { url: hook.url, secret: SECRET } });
    expect(await settled(run)).toMatchObject([
      { state: 'SENT', attempt: 3, last_error: expect.stringContaining('answered 503') },
    ]);
    const calls = hook.about(run);
    expect(calls).toHaveLength(3);
    expect(new Set(calls.map(({ body }) => body)).size).toBe(1);
    expect(new Set(calls.map(({ headers }) => headers['x-tauro-delivery'])).size).toBe(1);
    expect(calls.every((call) => isGenuine(call, SECRET))).toBe(true);
  });

  it('gives up after the last attempt, and sends again when somebody asks', async () => {
    hook.answer = () => 500;
    const run = await failed({ webhook: { url: `${hook.url}/x?token=hidden` } });
    const [dead] = await settled(run);
    expect(dead).toMatchObject({ state: 'DEAD', attempt: 4, next_attempt_at: null });
    expect(dead.last_error).toBe(`POST ${hook.url}/x?… answered 500 (as told)`);
    expect(dead.target).toBe(`${hook.url}/x?…`);
    expect(await of(`state=DEAD&run_id=${run}&event=run.failure&channel=webhook`)).toEqual([dead]);

    hook.answer = () => 204;
    expect(expectStatus(await tauro.api.post(`/api/v1/notifications/${dead.id}/retry`), 202).state).toBe(
      'PENDING',
    );
    expect(await settled(run)).toMatchObject([{ state: 'SENT', attempt: 5 }]);
    expect((await tauro.api.post(`/api/v1/notifications/${dead.id}/retry`)).status).toBe(409);
  });

  it.each([
    ['that is gone for good', 410, 1],
    ['that does not know it yet', 404, 4],
    ['that sends it elsewhere, where it does not go', 307, 4],
  ])('treats a receiver %s (%i) as such', async (_what, status, attempts) => {
    hook.answer = () => status;
    const run = await failed({ webhook: { url: hook.url } });
    expect(await settled(run)).toMatchObject([{ state: 'DEAD', attempt: attempts }]);
    expect(hook.about(run)).toHaveLength(attempts);
    expect(hook.about(run).filter(({ path }) => path === '/elsewhere')).toEqual([]);
  });

  it('gives a receiver that does not answer no more than its time', async () => {
    hook.answer = (_call, count) => (count === 1 ? new Promise<never>(() => undefined) : 200);
    hook.calls.length = 0;
    const run = await failed({ webhook: { url: hook.url } });
    expect(await settled(run)).toMatchObject([
      { state: 'SENT', attempt: 2, last_error: expect.stringContaining('did not answer within 2 s') },
    ]);
  });

  it('is not kept from others by a receiver that never answers', async () => {
    const deaf = await WebhookReceiver.start();
    try {
      deaf.answer = () => new Promise<never>(() => undefined);
      const webhook = [1, 2, 3, 4, 5].map((n) => ({ url: `${deaf.url}/${n}` }));
      const project = await user.project({ notifications: { webhook } });
      const { id } = await user.pipeline(project, [FAILS]);
      const runs = await Promise.all([1, 2, 3].map(() => user.start(project, id)));
      await Promise.all(runs.map((run) => user.ended(run)));
      await waitFor(() => deaf.calls.length > 0, { what: 'the deaf receiver to be called' });
      const told = await failed({ webhook: { url: hook.url } });
      await settled(told);
      expect((await of(`project_id=${project}&state=PENDING`)).length).toBeGreaterThan(0);
      // A worker sends ten at once, and would have called this one with all of them.
      expect(deaf.mostAtOnce).toBeLessThan(10);
    } finally {
      deaf.answer = () => 410;
      await deaf.stop();
    }
  });

  it('sends again what a worker that was killed had in hand, and loses nothing', async () => {
    const extra = await tauro.addWorker();
    hook.calls.length = 0;
    hook.answer = () => new Promise<never>(() => undefined);
    const run = await failed({ webhook: { url: hook.url, secret: SECRET } });
    await waitFor(() => hook.about(run).length > 0, { what: 'the first attempt' });
    const running = tauro.workers.filter((worker) => worker.running);
    await Promise.all(running.map((worker) => worker.kill()));
    expect(await of(`run_id=${run}`)).toMatchObject([{ state: 'PENDING' }]);
    hook.answer = () => 200;
    await tauro.addWorker();
    expect(running).toContain(extra);
    const [sent] = await settled(run);
    expect(sent.state).toBe('SENT');
    expect(sent.attempt).toBe(hook.about(run).length);
    expect(new Set(hook.about(run).map(({ headers }) => headers['x-tauro-delivery']))).toEqual(
      new Set([sent.id]),
    );
  });

  it('mails as plain text, to each address by itself', async () => {
    const run = await failed({ email: ['a@example.com', 'b@example.com'] });
    expect((await settled(run, 2)).map(({ state, target }) => [state, target]).sort()).toEqual([
      ['SENT', 'a@example.com'],
      ['SENT', 'b@example.com'],
    ]);
    const mails = mail.mails.filter(({ source }) => source.includes(run));
    expect(mails.map(({ to }) => to).sort()).toEqual([['a@example.com'], ['b@example.com']]);
    for (const { from, source, user: login } of mails) {
      expect([from, login]).toEqual(['tauro@example.com', MailServer.USER]);
      expect(source).toMatch(/^Subject: \[Tauro\] pipeline_\w+ FAILED\r$/m);
      expect(source).toMatch(/^Content-Type: text\/plain/m);
      expect(source).toMatch(/^Message-ID: <ntf_\w+@tauro>\r$/im);
      expect(source).toContain('on purpose');
    }
  });

  it('gives up an address that the mail server will never take, at once', async () => {
    mail.unknown.add('nobody@example.com');
    const [dead] = await settled(await failed({ email: 'nobody@example.com' }));
    expect(dead).toMatchObject({
      state: 'DEAD',
      attempt: 1,
      last_error: expect.stringContaining('no such user'),
    });
  });

  it('tells of a run that is late while it goes on, and once only', async () => {
    const project = await user.project({
      notifications: { on_failure: false, sla_seconds: 0.3, webhook: { url: hook.url } },
    });
    const { id } = await user.pipeline(project, [{ id: 'ask', type: 'approval' }]);
    const run = await user.start(project, id);
    expect(await settled(run)).toMatchObject([{ event: 'run.sla_miss', state: 'SENT' }]);
    const { data } = JSON.parse(hook.about(run)[0]!.body);
    expect(data).toMatchObject({ run: { finished_at: null }, sla: { seconds: 0.3 } });
    expect(['QUEUED', 'RUNNING']).toContain(data.run.state);
    await tauro.api.post(`/api/v1/runs/${run}/tasks/ask/approve`, {});
    await user.ended(run);
    // What a run's end has to tell is written before it counts as followed up.
    const runs = tauro.database.collection<{ _id: string }>('pipeline_runs');
    await waitFor(() => runs.findOne({ _id: run, 'engine.advanced': true }));
    expect(await of(`run_id=${run}`)).toHaveLength(1);
  });

  it('tells of a run by the run only that somebody started, not by those it made', async () => {
    const project = await user.project({ notifications: { webhook: { url: hook.url } } });
    const { id } = await user.pipeline(project, [FAILS]);
    const run = await ended(project, [{ id: 'sub', type: 'pipeline', config: { pipeline_id: id }, ...ONCE }]);
    await settled(run);
    expect((await of(`project_id=${project}`)).map(({ run_id }) => run_id)).toEqual([run]);
  });

  it('keeps the secret of a webhook to itself, and as long as its URL stays', async () => {
    const [one, other] = [`${hook.url}/one`, `${hook.url}/other`];
    const project = await user.project({
      notifications: { webhook: [{ url: one, secret: SECRET }, { url: other }] },
    });
    const path = `/api/v1/projects/${project}`;
    const shown = [
      { url: one, has_secret: true },
      { url: other, has_secret: false },
    ];
    const read = async () => expectStatus(await tauro.api.get(path), 200).notifications;
    const put = async (webhook: unknown) => {
      const body = { notifications: webhook === null ? null : { webhook } };
      return expectStatus(await tauro.api.put(path, body), 200).notifications;
    };
    expect((await read()).webhook).toEqual(shown);
    // An answer may be sent back as it is.
    expect((await put((await read()).webhook)).webhook).toEqual(shown);
    expect((await put(shown[0])).webhook).toEqual(shown[0]);
    const run = await ended(project, [FAILS]);
    await settled(run);
    expect(isGenuine(hook.about(run)[0]!, SECRET)).toBe(true);

    const copy = expectStatus(await tauro.api.post(`${path}/duplicate`), 201);
    expect(copy.notifications.webhook).toEqual(shown[0]);
    const copied = await ended(copy.id, [FAILS]);
    await settled(copied);
    expect(isGenuine(hook.about(copied)[0]!, SECRET)).toBe(true);

    expect((await put({ url: one, secret: null })).webhook.has_secret).toBe(false);
    expect((await put({ url: one, secret: SECRET })).webhook.has_secret).toBe(true);
    expect((await put({ url: other })).webhook.has_secret).toBe(false);
    expect((await put({ url: one })).webhook.has_secret).toBe(false);
    expect(await put(null)).toBeNull();
  });

  it('refuses settings that cannot be meant, with the field and the reason', async () => {
    const details = async (notifications: unknown): Promise<Record<string, string>> => {
      const { status, body } = await tauro.api.post('/api/v1/projects', {
        name: User.uniqueName('refused'),
        notifications,
      });
      expect(status).toBe(422);
      return Object.fromEntries(body.error.details.map((one: any) => [one.field, one.message]));
    };
    const emails = Array.from({ length: 21 }, (_, i) => `a${i}@example.com`);
    const hooks = Array.from({ length: 6 }, () => ({ url: hook.url }));
    expect(
      await details({ email: 'a@b.c\nBcc: x@y.z', on_success: 'yes', sla_seconds: 0, nonsense: 1 }),
    ).toEqual({
      'notifications.email': expect.stringContaining('must be an email address'),
      'notifications.on_success': expect.stringContaining('boolean'),
      'notifications.sla_seconds': expect.any(String),
      'notifications.nonsense': 'is not a field of this request',
    });
    expect(await details({ email: emails, webhook: hooks })).toEqual({
      'notifications.email': 'must not hold more than 20',
      'notifications.webhook': 'must not hold more than 5',
    });
    expect(
      await details({
        webhook: [
          { url: 'ftp://example.com' },
          { url: 'http://169.254.169.254/latest' },
          { url: 'https://me:pass@example.com' },
          { url: 'nowhere', secret: 'short' },
          {},
          'https://example.com',
        ].slice(0, 5),
      }),
    ).toEqual({
      'notifications.webhook.0.url': expect.stringContaining('only http and https'),
      'notifications.webhook.1.url': expect.stringContaining('cloud metadata'),
      'notifications.webhook.2.url': expect.stringContaining('holds a user or a password'),
      'notifications.webhook.3.url': expect.stringContaining('is no URL'),
      'notifications.webhook.3.secret': expect.stringContaining('8'),
      'notifications.webhook.4.url': 'is required',
    });
    for (const webhook of ['https://example.com', ['https://example.com'], 5]) {
      expect(Object.keys(await details({ webhook }))[0]).toMatch(/^notifications\.webhook/);
    }
    expect(await details({ on_sla_miss: true })).toEqual({
      'notifications.sla_seconds': expect.stringContaining('is needed'),
    });
  });

  it('refuses a pipeline with a secret in it, because definitions may be read', async () => {
    const project_id = await user.project();
    const post = (notifications: object) =>
      tauro.api.post('/api/v1/pipelines', {
        project_id,
        name: User.uniqueName('refused'),
        nodes: [noop('a')],
        config: { notifications },
      });
    const secret = await post({ webhook: [{ url: hook.url, secret: SECRET }] });
    expect(secret.status).toBe(422);
    expect(secret.body.error.details).toEqual([
      {
        field: 'config.notifications.webhook.0.secret',
        message: expect.stringMatching(/may be read.*notifications of the project/),
        type: 'extra_forbidden',
      },
    ]);
    const others = await post({ email: 'nobody', webhook: { url: 'x' }, on_sla_miss: true });
    expect(others.status).toBe(422);
    expect(JSON.stringify(others.body.error.details)).toContain('config.notifications');
    const urls = await post({ webhook: { url: 'gopher://x' }, on_sla_miss: true });
    expect(urls.body.error.details.map(({ field }: any) => field).sort()).toEqual([
      'config.notifications.sla_seconds',
      'config.notifications.webhook.url',
    ]);
  });

  it('goes with its project', async () => {
    const project = await user.project({ notifications: { webhook: { url: hook.url } } });
    await settled(await ended(project, [FAILS]));
    expectStatus(await tauro.api.delete(`/api/v1/projects/${project}`), 200);
    expect(await of(`project_id=${project}`)).toEqual([]);
  });

  it('is counted', async () => {
    const figure = async (name: string, channel: string): Promise<number> => {
      const metrics = (await tauro.api.get('/metrics')).body as string;
      return Number(new RegExp(`^${name}{channel="${channel}"} (\\S+)$`, 'm').exec(metrics)?.[1]);
    };
    // What earlier tests left behind is given up by and by.
    await waitFor(async () => (await of('state=PENDING')).length === 0);
    expect(await figure('tauro_notifications_pending', 'webhook')).toBe(0);
    hook.answer = () => new Promise<never>(() => undefined);
    await failed({ webhook: { url: hook.url } });
    await waitFor(async () => (await of('state=PENDING')).length === 1);
    expect(await figure('tauro_notifications_pending', 'webhook')).toBe(1);
    expect(await figure('tauro_notifications_oldest_seconds', 'webhook')).toBeGreaterThan(0);
    expect(await figure('tauro_notifications_pending', 'email')).toBe(0);
  });

  it('has left no secret in the database, nor in any log', async () => {
    const everything = [tauro.apiProcess(), ...tauro.workers].map((one) => one.logs()).join('\n');
    expect(everything).toContain('ntf_');
    const stored = JSON.stringify(
      await Promise.all(
        ['projects', 'schedules', 'notifications', 'pipeline_versions'].map((name) =>
          tauro.database.collection(name).find().toArray(),
        ),
      ),
    );
    expect(stored).toContain('v1.');
    for (const secret of [SECRET, MailServer.PASSWORD, 'a secret key of this test']) {
      expect(everything).not.toContain(secret);
      expect(stored).not.toContain(secret);
    }
  });
});

describe('notifications of a deployment that calls no private address, has no mail server and no key of its own', () => {
  let tauro: Tauro;
  let user: User;
  let hook: WebhookReceiver;

  beforeAll(async () => {
    hook = await WebhookReceiver.start();
    tauro = await Tauro.start({ env: { EGRESS_ALLOW_PRIVATE: 'false' } });
    user = new User(tauro.api);
  });
  afterAll(async () => {
    await tauro?.stop();
    await hook?.stop();
  });

  it('are given up with the reason, and call nobody', async () => {
    const named = hook.url.replace('127.0.0.1', 'localhost');
    const project = await user.project({
      notifications: { email: 'alerts@company.com', webhook: [{ url: hook.url }, { url: named }] },
    });
    await user.ended(await user.start(project, (await user.pipeline(project, [FAILS])).id));
    const dead = await waitFor(async () => {
      const { body } = await tauro.api.get(`/api/v1/notifications?project_id=${project}&state=DEAD`);
      return body.data.length === 3 ? (body.data as any[]) : undefined;
    });
    expect(
      Object.fromEntries(dead.map(({ target, attempt, last_error }) => [target, [attempt, last_error]])),
    ).toEqual({
      'alerts@company.com': [1, expect.stringContaining('SMTP_URL is not set')],
      [`${hook.url}/`]: [1, expect.stringContaining('calls to 127.0.0.1 are not allowed')],
      [`${named}/`]: [1, expect.stringContaining('calls to localhost')],
    });
    expect(hook.calls).toEqual([]);
  });

  it('keep no secret under the published placeholder', async () => {
    const notifications = { webhook: [{ url: hook.url }, { url: 'https://x.example.com', secret: SECRET }] };
    const { status, body } = await tauro.api.post('/api/v1/projects', { name: 'secretive', notifications });
    expect(status).toBe(422);
    expect(body.error.details).toEqual([
      {
        field: 'notifications.webhook.1.secret',
        message: expect.stringContaining('set SECRET_KEY'),
        type: 'value_error',
      },
    ]);
  });
});
