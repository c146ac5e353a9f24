import { type Notification, type Schedule } from '@tauro/database';
import { type NotificationSettings, type NodeDefinition, type SealedSecret } from '@tauro/domain';
import { type ClaimedNotification, NotificationOutbox, Retention, RunNotifier } from '@tauro/orchestration';
import { randomBytes } from 'node:crypto';
import { DONE, Engine, FAILED } from '../support/engine.js';

const node = (id: string): NodeDefinition => ({ id, type: 'wait', config: { seconds: 0 } });
const HOOK = 'https://hooks.example.com/x?token=hidden';

describe('notifications in the engine', () => {
  let engine: Engine;
  let outbox: NotificationOutbox;

  beforeAll(async () => {
    engine = await Engine.start(undefined, { NOTIFICATION_ATTEMPTS: '3' });
    outbox = engine.app.get(NotificationOutbox);
  });
  afterAll(() => engine.stop({ drop: true }));

  /** A project of its own with these settings; runs are made in it from now on. */
  async function project(notifications: NotificationSettings | null, secrets: SealedSecret[] = []) {
    const known = (await engine.db.projects.findOne({ _id: engine.project }))!;
    const _id = `proj_${randomBytes(8).toString('hex')}`;
    const name = `p${randomBytes(8).toString('hex')}`;
    const engineOf = { webhook_secrets: secrets };
    await engine.db.projects.insertOne({
      ...known,
      _id,
      name,
      name_key: name,
      notifications,
      engine: engineOf,
    });
    engine.project = _id;
    return _id;
  }
  const about = (run_id: string) => engine.db.notifications.find({ run_id }).sort({ event: 1 }).toArray();
  const runOf = async (id: string) => (await engine.db.runs.findOne({ _id: id }))!;

  async function failed(config: NotificationSettings | null = null): Promise<string> {
    const run = await engine.run([node('a')], config ? { config: { notifications: config } } : {});
    await engine.finish(run, 'a', FAILED);
    return run;
  }

  it('are written once, however often the end of a run is followed up', async () => {
    await project({ webhook: { url: HOOK }, email: ['a@example.com', 'b@example.com'] });
    const run = await failed();
    const first = await about(run);
    expect(first.map(({ channel, target, state }) => [channel, target, state]).sort()).toEqual([
      ['email', 'a@example.com', 'PENDING'],
      ['email', 'b@example.com', 'PENDING'],
      ['webhook', 'https://hooks.example.com/x?…', 'PENDING'],
    ]);
    // As if the process had died before it said that it had followed up.
    await engine.settled();
    await engine.db.runs.updateOne(
      { _id: run },
      { $set: { 'engine.advanced': false, 'engine.check_at': new Date(0) } },
    );
    await engine.reconcile();
    expect((await runOf(run)).engine.advanced).toBe(true);
    expect(await about(run)).toEqual(first);
  });

  it('are written by the reconciler when the process that ended the run died before', async () => {
    await project({ webhook: { url: HOOK } });
    const run = await failed();
    await engine.settled();
    await engine.db.notifications.deleteMany({ run_id: run });
    await engine.db.runs.updateOne(
      { _id: run },
      { $set: { 'engine.advanced': false, 'engine.check_at': new Date(0) } },
    );
    await engine.reconcile();
    expect(await about(run)).toMatchObject([{ event: 'run.failure', state: 'PENDING', attempt: 0 }]);
  });

  it('say nothing of params and outputs, and hold no live object', async () => {
    await project({ webhook: { url: HOOK } });
    const run = await engine.run([node('a')], {}, { password: 'never told' });
    await engine.finish(run, 'a', FAILED);
    const [{ data }] = (await about(run)) as unknown as [{ data: Record<string, Record<string, unknown>> }];
    expect(JSON.stringify(data)).not.toContain('never told');
    expect(data.run).toMatchObject({ id: run, state: 'FAILED', error: { node_id: 'a', message: 'boom' } });
    expect(typeof data.run!.finished_at).toBe('string');
  });

  it('go to those whom the project, the pipeline and the schedule name, each once, signed if one has a secret', async () => {
    await project({ on_failure: false, webhook: { url: HOOK } }, [{ url: HOOK, sealed: 'sealed-text' }]);
    const schedule = `sched_${randomBytes(6).toString('hex')}`;
    const config = { notifications: { email: 'a@example.com' } };
    await engine.db.schedules.insertOne({ _id: schedule, config, engine: {} } as Schedule);
    const run = await engine.run([node('a')], {
      config: { notifications: { email: ['a@example.com', 'b@example.com'], webhook: { url: HOOK } } },
    });
    await engine.db.runs.updateOne({ _id: run }, { $set: { schedule_id: schedule } });
    await engine.finish(run, 'a', FAILED);
    const told = await about(run);
    expect(told.map(({ engine: { to, sealed } }) => [to, sealed]).sort()).toEqual([
      ['a@example.com', null],
      ['b@example.com', null],
      [HOOK, 'sealed-text'],
    ]);
    expect(told.map(({ schedule_id }) => schedule_id)).toEqual([schedule, schedule, schedule]);
  });

  it('cost a run nothing of which nobody wants to know', async () => {
    await project(null);
    const runs: string[] = [];
    for (let i = 0; i < 5; i++) runs.push(await engine.run([node('a')]));
    const asked = [
      jest.spyOn(engine.db, 'projects', 'get'),
      jest.spyOn(engine.db, 'schedules', 'get'),
      jest.spyOn(engine.db, 'notifications', 'get'),
    ];
    for (const run of runs) await engine.finish(run, 'a', FAILED);
    await engine.settled();
    const times = asked.map((spy) => spy.mock.calls.length);
    for (const spy of asked) spy.mockRestore();
    // At most one look in 5 s, however many runs end.
    expect(times[0]).toBeLessThanOrEqual(1);
    expect(times.slice(1)).toEqual([0, 0]);
    expect((await runOf(runs[4]!)).engine.advanced).toBe(true);
  });

  it('tell of no cancel', async () => {
    await project({ on_success: true, on_failure: true, webhook: { url: HOOK } });
    const run = await engine.run([node('a')]);
    await engine.runs.cancel(run);
    expect(await engine.state(run)).toBe('CANCELLED');
    expect(await about(run)).toEqual([]);
  });

  it('count from when the settings were there, also right after they came', async () => {
    const id = await project(null);
    await failed();
    await engine.db.projects.updateOne({ _id: id }, { $set: { notifications: { webhook: { url: HOOK } } } });
    expect(await about(await failed())).toHaveLength(1);
  });

  describe('about being late', () => {
    const overdue = (run: string) =>
      engine.db.runs.updateOne(
        { _id: run },
        { $set: { queued_at: new Date(Date.now() - 100_000), 'engine.sla_at': new Date(0) } },
      );

    it('come from the reconciler while the run goes on, each setting at its time', async () => {
      await project({ sla_seconds: 60, email: 'soon@example.com' });
      const run = await engine.run([node('a')], {
        config: { notifications: { sla_seconds: 3600, email: 'late@example.com' } },
      });
      const { engine: before, queued_at } = await runOf(run);
      expect(before.sla_at!.getTime() - queued_at!.getTime()).toBe(60_000);
      await overdue(run);
      await engine.reconciler.sweep();
      await engine.reconciler.sweep();
      const told = await about(run);
      expect(told).toMatchObject([{ event: 'run.sla_miss', target: 'soon@example.com' }]);
      expect(told[0]!.data).toMatchObject({ run: { state: 'QUEUED' }, sla: { seconds: 60 } });
      const { engine: after, queued_at: from } = await runOf(run);
      expect(after.sla_at!.getTime() - from!.getTime()).toBe(3_600_000);

      await engine.finish(run, 'a', DONE);
      expect((await runOf(run)).engine.sla_at).toBeUndefined();
      expect(await about(run)).toEqual(told);
    });

    it('come also when it is looked at in the very moment from which on it is late', async () => {
      await project({ sla_seconds: 60, email: 'a@example.com' });
      const run = await runOf(await engine.run([node('a')]));
      await engine.app.get(RunNotifier).late(run, run.engine.sla_at!);
      expect((await about(run._id)).map(({ event }) => event)).toEqual(['run.sla_miss']);
      await engine.finish(run._id, 'a', DONE);
      expect(await about(run._id)).toHaveLength(1);
    });

    it('come at the end of a run that was late before anybody looked', async () => {
      await project({ sla_seconds: 60, email: 'a@example.com' });
      const run = await engine.run([node('a')]);
      await engine.db.runs.updateOne({ _id: run }, { $set: { queued_at: new Date(Date.now() - 61_000) } });
      await engine.finish(run, 'a', FAILED);
      expect((await about(run)).map(({ event }) => event)).toEqual(['run.failure', 'run.sla_miss']);
    });

    it('count from the slot of a scheduled run, and from the start of a rerun', async () => {
      await project({ sla_seconds: 60, email: 'a@example.com' });
      const slot = new Date(Date.now() - 3_600_000);
      const [scheduled, rerun] = [await engine.create([node('a')]), await engine.create([node('a')])];
      await engine.db.runs.updateOne({ _id: scheduled }, { $set: { scheduled_for: slot } });
      await engine.db.runs.updateOne({ _id: rerun }, { $set: { scheduled_for: slot, rerun_of: scheduled } });
      for (const run of [scheduled, rerun]) {
        await engine.runs.start(run);
        await engine.finish(run, 'a', DONE);
      }
      expect((await about(scheduled)).map(({ event }) => event)).toEqual(['run.sla_miss']);
      expect(await about(rerun)).toEqual([]);
    });

    it('are looked for again when the process died between the start and the note of it', async () => {
      await project({ sla_seconds: 60, email: 'a@example.com' });
      const run = await engine.run([node('a')]);
      await engine.db.runs.updateOne({ _id: run }, { $unset: { 'engine.sla_at': 1 } });
      await engine.reconcile();
      expect((await runOf(run)).engine.sla_at).toBeInstanceOf(Date);
    });

    it('do not come for a run that nobody has started', async () => {
      await project({ sla_seconds: 0.001, email: 'a@example.com' });
      const run = await engine.create([node('a')]);
      await engine.reconcile();
      expect((await runOf(run)).engine.sla_at).toBeUndefined();
      expect(await about(run)).toEqual([]);
    });
  });

  describe('on their way out', () => {
    async function pending(): Promise<string> {
      await project({ webhook: { url: HOOK } });
      return (await about(await failed()))[0]!._id;
    }
    const of = async (id: string) => (await engine.db.notifications.findOne({ _id: id }))!;
    const due = (id: string) =>
      engine.db.notifications.updateOne({ _id: id }, { $set: { next_attempt_at: new Date(0) } });
    const claim = async (id: string): Promise<ClaimedNotification> => {
      const claimed = await outbox.claim(id);
      if (!claimed) throw new Error(`${id} cannot be claimed`);
      return claimed;
    };

    it('are taken up by one of many', async () => {
      const id = await pending();
      const claims = await Promise.all(Array.from({ length: 10 }, () => outbox.claim(id)));
      expect(claims.filter((one) => one !== null)).toHaveLength(1);
      expect(await of(id)).toMatchObject({ state: 'PENDING', attempt: 1 });
    });

    it('are due again when whoever took one up was never heard of', async () => {
      const id = await pending();
      const lost = await claim(id);
      const { next_attempt_at } = await of(id);
      expect(next_attempt_at!.getTime()).toBeGreaterThan(Date.now() + 10_000);
      await due(id);
      const again = await claim(id);
      // The one that was given up has no say any more.
      await outbox.sent(lost);
      expect(await of(id)).toMatchObject({ state: 'PENDING', attempt: 2 });
      await outbox.sent(again);
      const { expires_at, sent_at, ...sent } = await of(id);
      expect(sent).toMatchObject({ state: 'SENT', next_attempt_at: null });
      expect(expires_at!.getTime() - sent_at!.getTime()).toBe(90 * 86_400_000);
    });

    it('are handed out by the reconciler, as many as there is room for', async () => {
      await engine.db.notifications.updateMany({ state: 'PENDING' }, { $set: { state: 'DEAD' } });
      const ids = [await pending(), await pending(), await pending()];
      const taken: string[] = [];
      outbox.deliverBy({ free: 2, crowded: [], take: (id) => taken.push(id) });
      await engine.reconciler.sweep();
      expect(taken).toEqual(ids.slice(0, 2));
      outbox.deliverBy({ free: 0, crowded: [], take: (id) => taken.push(id) });
      await engine.reconciler.sweep();
      expect(taken).toHaveLength(2);
      const crowded = ['https://hooks.example.com'];
      outbox.deliverBy({ free: 9, crowded, take: (id) => taken.push(id) });
      await engine.reconciler.sweep();
      expect(taken).toHaveLength(2);
      expect(await outbox.claim(ids[0]!, crowded)).toBeNull();
      expect(await outbox.claim(ids[0]!, ['https://hooks.example.com:8443', 'email'])).not.toBeNull();
    });

    it('wait longer after each failure, and are given up after the last', async () => {
      const id = await pending();
      const waits: number[] = [];
      for (let attempt = 1; attempt <= 2; attempt++) {
        const failure = await outbox.failed(await claim(id), `no ${attempt}`, false);
        expect(failure?.state).toBe('PENDING');
        waits.push(failure!.seconds);
        await due(id);
      }
      expect(waits[0]).toBeGreaterThanOrEqual(30);
      expect(waits[0]).toBeLessThanOrEqual(60);
      expect(waits[1]).toBeGreaterThanOrEqual(60);
      expect(waits[1]).toBeLessThanOrEqual(120);
      expect((await outbox.failed(await claim(id), '$no', false))?.state).toBe('DEAD');
      expect(await of(id)).toMatchObject({ state: 'DEAD', attempt: 3, last_error: '$no' });
      expect((await of(id)).expires_at).toBeInstanceOf(Date);
      expect(await outbox.claim(id)).toBeNull();
    });

    it('are given up at once when no attempt can help, and may be asked for again', async () => {
      const id = await pending();
      await expect(outbox.retry(id)).rejects.toMatchObject({ code: 'CONFLICT' });
      await outbox.failed(await claim(id), 'forbidden', true);
      expect(await of(id)).toMatchObject({ state: 'DEAD', attempt: 1 });
      await outbox.retry(id);
      expect(await of(id)).toMatchObject({ state: 'PENDING', expires_at: null });
      expect((await claim(id)).notification).toMatchObject({ attempt: 2, engine: { tries: 1 } });
      await expect(outbox.retry('ntf_nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    it('are signed with the secret that the webhook has when somebody asks for them again', async () => {
      const id = await project({ webhook: { url: HOOK } }, [{ url: HOOK, sealed: 'under an old key' }]);
      const [{ _id }] = (await about(await failed())) as [Notification];
      const again = async (): Promise<string | null> => {
        await due(_id);
        await outbox.failed(await claim(_id), 'the secret cannot be read', true);
        return (await outbox.retry(_id)).engine.sealed;
      };
      const secrets = (all: SealedSecret[]) =>
        engine.db.projects.updateOne({ _id: id }, { $set: { 'engine.webhook_secrets': all } });
      await secrets([{ url: HOOK, sealed: 'under a new key' }]);
      expect(await again()).toBe('under a new key');
      // A webhook that was signed is not called without: better to say that nothing is there to sign with.
      await secrets([]);
      expect(await again()).toBe('under a new key');
    });

    it('are found by an index, and so are runs that are late', async () => {
      const now = new Date();
      const receiver = { $nin: ['https://a.b'] };
      const plans = await Promise.all([
        engine.db.notifications
          .find({ state: 'PENDING', next_attempt_at: { $lte: now }, 'engine.receiver': receiver })
          .sort({ next_attempt_at: 1 })
          .explain(),
        engine.db.notifications
          .find({ expires_at: { $lte: now }, state: { $in: ['SENT', 'DEAD'] } })
          .explain(),
        engine.db.runs
          .find({ $or: [{ 'engine.expire_at': { $lte: now } }, { 'engine.sla_at': { $lte: now } }] })
          .explain(),
      ]);
      for (const { queryPlanner } of plans as unknown as { queryPlanner: { winningPlan: object } }[]) {
        const plan = JSON.stringify(queryPlanner.winningPlan);
        expect(plan).toContain('IXSCAN');
        expect(plan).not.toMatch(/COLLSCAN|"SORT"/);
      }
    });

    it('are removed when their time is over, but never while they are PENDING', async () => {
      const [sent, dead, waiting] = [await pending(), await pending(), await pending()];
      await outbox.sent(await claim(sent));
      await outbox.failed(await claim(dead), 'forbidden', true);
      await engine.db.notifications.updateMany(
        { _id: { $in: [sent, dead, waiting] } },
        { $set: { expires_at: new Date(0) } },
      );
      await engine.app.get(Retention).sweep();
      const left = await engine.db.notifications.find({ _id: { $in: [sent, dead, waiting] } }).toArray();
      expect(left.map(({ _id }) => _id)).toEqual([waiting]);
    });
  });
});
