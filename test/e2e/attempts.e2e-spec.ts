import { chain, noop, ONCE, task, wait } from '../support/nodes.js';
import { CommonTauro } from '../support/common-tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

const seconds = (from: string, to: string): number => (Date.parse(to) - Date.parse(from)) / 1000;

describe('attempts: retries, time limits, failures and cancelling', () => {
  let tauro: CommonTauro;
  let user: User;

  beforeAll(async () => {
    tauro = await CommonTauro.join();
    user = new User(tauro.api);
  });
  afterAll(() => tauro?.leave());

  describe('retries', () => {
    it('repeat a failing task until it succeeds, and keep every attempt', async () => {
      const policy = { max_attempts: 4, backoff_seconds: 0 };
      const runId = await user.startNew([
        task('shaky', 'fail_times', { times: 2 }, { retry_policy: policy }),
      ]);
      expect((await user.ended(runId)).state).toBe('SUCCESS');
      const { shaky } = await user.tasks(runId);
      expect(shaky).toMatchObject({
        state: 'SUCCESS',
        attempt: 3,
        max_attempts: 4,
        output: { succeeded_at: 3 },
        error: null,
      });
      const attempts = shaky.attempts as {
        attempt: number;
        state: string;
        error: { message: string } | null;
      }[];
      expect(attempts.map(({ attempt, state }) => [attempt, state])).toEqual([
        [1, 'FAILED'],
        [2, 'FAILED'],
        [3, 'SUCCESS'],
      ]);
      expect(attempts[0]!.error!.message).toContain('attempt 1 fails as asked');
    });

    it('double their delay, up to its limit', async () => {
      const policy = { max_attempts: 4, backoff_seconds: 0.2, max_backoff_seconds: 0.4, jitter: false };
      const runId = await user.startNew([
        task('shaky', 'fail_times', { times: 3 }, { retry_policy: policy }),
      ]);
      expect((await user.ended(runId)).state).toBe('SUCCESS');
      const { attempts } = (await user.tasks(runId)).shaky;
      const gaps = [1, 2, 3].map((i) => seconds(attempts[i - 1].finished_at, attempts[i].started_at));
      expect(gaps[0]).toBeGreaterThanOrEqual(0.19);
      expect(gaps[1]).toBeGreaterThanOrEqual(0.39);
      expect(gaps[2]).toBeGreaterThanOrEqual(0.39);
    });

    it('stop at max_attempts, with the last error on the task and the way there in the log', async () => {
      const policy = { max_attempts: 2, backoff_seconds: 0 };
      const runId = await user.startNew([
        task('broken', 'fail', { message: 'no luck' }, { retry_policy: policy }),
      ]);
      expect((await user.ended(runId)).state).toBe('FAILED');
      const { broken } = await user.tasks(runId);
      expect(broken).toMatchObject({ state: 'FAILED', attempt: 2 });
      expect(broken.error.message).toContain('no luck');
      const messages = (await user.logs(runId)).map((line) => `${line.level} ${line.message}`).join('\n');
      expect(messages).toMatch(/no luck/);
      expect(messages).toMatch(/broken/);
    });

    it('repeat the errors that a policy names, and no others', async () => {
      const policy = { max_attempts: 3, backoff_seconds: 0, retry_on: ['RateLimited', 'FileNotFound'] };
      const failAs = (id: string, name: string, own?: object): object =>
        task(id, 'fail_as', { name, message: 'no' }, own && { retry_policy: own });
      const runId = await user.startNew(
        [
          failAs('named', 'RateLimited'),
          failAs('other', 'QuotaExceeded'),
          failAs('forbidden', 'RateLimited', { abort_on: ['RateLimited'] }),
          { id: 'missing', type: 'source', config: { source_type: 'file', path: 'none.csv' } },
        ],
        { config: { retry_policy: policy } },
      );
      expect((await user.ended(runId)).state).toBe('FAILED');
      const { named, other, forbidden, missing } = await user.tasks(runId);
      expect(named).toMatchObject({ attempt: 3, error: { type: 'RateLimited' } });
      expect(other).toMatchObject({ attempt: 1, error: { type: 'QuotaExceeded' } });
      expect(forbidden).toMatchObject({ attempt: 1, max_attempts: 3 });
      expect(missing).toMatchObject({ attempt: 3, error: { type: 'FileNotFound' } });
    });

    it('wait in RETRYING, where a cancel still reaches them', async () => {
      const policy = { max_attempts: 2, backoff_seconds: 600, jitter: false };
      const runId = await user.startNew([task('later', 'fail', { message: 'x' }, { retry_policy: policy })]);
      const retrying = await waitFor(async () => {
        const { later } = await user.tasks(runId);
        return later.state === 'RETRYING' && later;
      });
      expect(retrying.waiting_reason).toMatch(/\S/);
      expect((await tauro.api.post(`/api/v1/runs/${runId}/cancel`)).status).toBe(202);
      expect((await user.ended(runId)).state).toBe('CANCELLED');
      expect(await user.taskStates(runId)).toEqual({ later: 'CANCELLED' });
    });
  });

  describe('time limits', () => {
    it('end an attempt that sleeps too long', async () => {
      const node = task('slow', 'sleep', { seconds: 60 }, { timeout_seconds: 0.3, ...ONCE });
      const run = await user.ended(await user.startNew([node]));
      expect(run.state).toBe('FAILED');
      expect(run.duration_seconds).toBeLessThan(20);
      const { slow } = await user.tasks(run.id);
      expect(slow.error.message).toMatch(/0\.3/);
      expect(`${slow.error.type} ${slow.error.message}`).toMatch(/time/i);
    });

    it('end a task whose attempts together take too long', async () => {
      const limit = { total_timeout_seconds: 1 };
      const runId = await user.startNew([
        task('asleep', 'sleep', { seconds: 60 }, { ...limit, retry_policy: { backoff_seconds: 0 } }),
        task('patient', 'fail', { message: 'x' }, { ...limit, retry_policy: { backoff_seconds: 30 } }),
      ]);
      const run = await user.ended(runId, 20_000);
      expect(run.state).toBe('FAILED');
      const { asleep, patient } = await user.tasks(runId);
      expect(asleep).toMatchObject({ state: 'FAILED', attempt: 1, error: { type: 'Timeout' } });
      expect(asleep.error.message).toContain('total_timeout_seconds of 1 s');
      expect(patient).toMatchObject({ state: 'FAILED', attempt: 1 });
      const lines = (await user.logs(runId)).map(({ message }) => message).join('\n');
      expect(lines).toContain('total_timeout_seconds leaves no time to repeat it');
    });

    it('end even a busy loop, while the worker goes on with its other tasks', async () => {
      const runId = await user.startNew([
        task('stuck', 'busy_loop', { seconds: 60 }, { timeout_seconds: 0.5, ...ONCE }),
        noop('lively'),
      ]);
      const run = await user.ended(runId);
      expect(run.state).toBe('FAILED');
      expect(run.duration_seconds).toBeLessThan(30);
      expect(await user.taskStates(runId)).toEqual({ stuck: 'FAILED', lively: 'SUCCESS' });
      const { status } = await tauro.api.get('/health/ready');
      expect(status).toBe(200);
    });
  });

  describe('a failure', () => {
    it('stops what comes after it, and nothing else', async () => {
      const runId = await user.startNew(
        [
          task('bad', 'fail', { message: 'broken' }, ONCE),
          noop('child'),
          noop('grandchild'),
          noop('other'),
          noop('last'),
        ],
        { edges: [...chain('bad', 'child', 'grandchild'), ...chain('other', 'last')] },
      );
      const run = await user.ended(runId);
      expect(run).toMatchObject({
        state: 'FAILED',
        progress: { total_tasks: 5, failed_tasks: expect.any(Number) },
      });
      expect(run.progress.failed_tasks).toBeGreaterThanOrEqual(1);
      expect(run.metrics.error_count).toBeGreaterThanOrEqual(1);
      expect(await user.taskStates(runId)).toEqual({
        bad: 'FAILED',
        child: 'UPSTREAM_FAILED',
        grandchild: 'UPSTREAM_FAILED',
        other: 'SUCCESS',
        last: 'SUCCESS',
      });
    });

    it('that is allowed fails neither the run nor what comes after', async () => {
      const bad = task('bad', 'fail', { message: 'broken' }, { ...ONCE, allow_failure: true });
      const runId = await user.startNew([bad, noop('child')], { edges: chain('bad', 'child') });
      expect((await user.ended(runId)).state).toBe('SUCCESS');
      expect(await user.taskStates(runId)).toEqual({ bad: 'FAILED', child: 'SUCCESS' });
    });

    it('by a handler that ends its process does not take the worker along', async () => {
      const workers = async (): Promise<string[]> =>
        (await tauro.api.get('/api/v1/workers?state=ACTIVE')).body.data.map(({ id }: { id: string }) => id);
      const before = await workers();
      const runId = await user.startNew([task('quits', 'exit_process', undefined, ONCE), noop('other')]);
      expect((await user.ended(runId)).state).toBe('FAILED');
      const { quits, other } = await user.tasks(runId);
      expect(quits.error.message).toMatch(/exit/i);
      expect(other.state).toBe('SUCCESS');
      expect(await workers()).toEqual(before);
    });
  });

  describe('cancelling', () => {
    it('stops a running handler and whatever had not begun', async () => {
      const runId = await user.startNew([task('long', 'sleep', { seconds: 600 }), noop('after')], {
        edges: chain('long', 'after'),
      });
      await waitFor(async () => (await user.taskStates(runId)).long === 'RUNNING', {
        what: 'the task to run',
      });
      const answer = await tauro.api.post(`/api/v1/runs/${runId}/cancel`);
      expect(answer.status).toBe(202);
      const run = await user.ended(runId, 20_000);
      expect(run.state).toBe('CANCELLED');
      expect(run.finished_at).not.toBeNull();
      expect(await user.taskStates(runId)).toEqual({ long: 'CANCELLED', after: 'CANCELLED' });
    });

    it('kills a busy loop that does not listen', async () => {
      const runId = await user.startNew([task('deaf', 'busy_loop', { seconds: 600 })]);
      await waitFor(async () => (await user.taskStates(runId)).deaf === 'RUNNING', {
        what: 'the task to run',
      });
      await tauro.api.post(`/api/v1/runs/${runId}/cancel`);
      expect((await user.ended(runId, 30_000)).state).toBe('CANCELLED');
      // The thread is really gone: the worker still has all its hands free for more work.
      const next = await user.startNew([noop('next')]);
      expect((await user.ended(next)).state).toBe('SUCCESS');
    });

    it('wakes a node that waits', async () => {
      const runId = await user.startNew([wait('nap', 3600)]);
      await waitFor(async () => (await user.taskStates(runId)).nap === 'WAITING', {
        what: 'the task to wait',
      });
      await tauro.api.post(`/api/v1/runs/${runId}/cancel`);
      expect((await user.ended(runId)).state).toBe('CANCELLED');
    });
  });

  it('a wait node sleeps as long as it was told, fractions included', async () => {
    const runId = await user.startNew([wait('nap', 0.5), noop('after')], { edges: chain('nap', 'after') });
    const run = await user.ended(runId);
    expect(run.state).toBe('SUCCESS');
    const { nap, after } = await user.tasks(runId);
    expect(seconds(nap.started_at, after.started_at)).toBeGreaterThanOrEqual(0.5);
  });

  it('a handler tells how far it is', async () => {
    const runId = await user.startNew([task('half', 'report_progress')]);
    const half = await waitFor(
      async () => {
        const found = (await user.tasks(runId)).half;
        return found.progress > 0 && found;
      },
      { what: 'progress of the task' },
    );
    expect(half.progress).toBe(0.5);
    await tauro.api.post(`/api/v1/runs/${runId}/cancel`);
    await user.ended(runId);
  });
});
