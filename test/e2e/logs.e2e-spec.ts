import { type EventSourceMessage } from 'eventsource-parser';
import { type ApiClient } from '../support/api-client.js';
import { chain, noop, ONCE, task } from '../support/nodes.js';
import { CommonTauro } from '../support/common-tauro.js';
import { User } from '../support/user.js';

interface Line {
  id: number;
  timestamp: string;
  level: string;
  message: string;
  task_id: string | null;
  attempt: number | null;
}

describe('logs of a run', () => {
  let tauro: CommonTauro;
  let api: ApiClient;
  let user: User;
  let runId: string;

  beforeAll(async () => {
    tauro = await CommonTauro.join();
    api = tauro.api;
    user = new User(api);
    runId = await user.startNew([task('talks', 'log_levels'), noop('after')], {
      edges: chain('talks', 'after'),
    });
    await user.ended(runId);
  });
  afterAll(() => tauro?.leave());

  /** Every event of a stream up to its end. */
  async function stream(id: string, query = '', headers: Record<string, string> = {}) {
    const events: EventSourceMessage[] = [];
    for await (const event of api.events(`/api/v1/runs/${id}/logs${query}`, headers)) events.push(event);
    const lines = events
      .filter((event) => event.event !== 'end')
      .map((event): Line => ({ ...(JSON.parse(event.data) as Line), id: Number(event.id) }));
    return { lines, end: events.at(-1)! };
  }

  it('are replayed from the start, each with its time and level, and then the stream closes', async () => {
    const { lines, end } = await stream(runId);
    expect(end.event).toBe('end');
    expect(JSON.parse(end.data)).toMatchObject({
      timestamp: expect.stringMatching(/Z$/),
      level: expect.stringMatching(/^[A-Z]+$/),
      message: expect.stringMatching(/\S/),
    });
    for (const line of lines) {
      expect(line.timestamp).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      expect(['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL']).toContain(line.level);
    }
    const ids = lines.map((line) => line.id);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect(new Set(ids).size).toBe(ids.length);
    expect(lines.map((line) => line.message)).toEqual(
      expect.arrayContaining(['some news', 'a worry', 'a fault']),
    );
  });

  it('tell the start and the end of every task and of the run', async () => {
    const { lines } = await stream(runId, '?level=INFO');
    const { talks, after } = await user.tasks(runId);
    for (const { id } of [talks, after]) {
      expect(
        lines.filter((line) => line.task_id === id && line.level === 'INFO').length,
      ).toBeGreaterThanOrEqual(2);
    }
    expect(lines.filter((line) => !line.task_id).length).toBeGreaterThanOrEqual(2);
    const told = lines.findIndex((line) => line.message === 'some news');
    expect(lines[told]).toMatchObject({ task_id: talks.id, attempt: 1, level: 'INFO' });
    expect(told).toBeGreaterThan(0);
  });

  it.each([
    ['level=WARNING', ['a worry', 'a fault']],
    ['level=ERROR', ['a fault']],
    ['search=news', ['some news']],
    ['search=NOTHING.LIKE.IT', []],
  ])('are filtered by %s', async (query, expected) => {
    expect((await stream(runId, `?${query}`)).lines.map((line) => line.message)).toEqual(expected);
  });

  it('are filtered by task', async () => {
    const { after } = await user.tasks(runId);
    const { lines } = await stream(runId, `?task_id=${after.id}`);
    expect(lines.length).toBeGreaterThan(0);
    expect(new Set(lines.map((line) => line.task_id))).toEqual(new Set([after.id]));
  });

  it('go on after Last-Event-ID', async () => {
    const { lines } = await stream(runId);
    const middle = lines[Math.floor(lines.length / 2)]!;
    const rest = await stream(runId, '', { 'last-event-id': String(middle.id) });
    expect(rest.lines).toEqual(lines.filter((line) => line.id > middle.id));
  });

  it('are an ordinary paged list for who asks for JSON', async () => {
    const { lines } = await stream(runId);
    const answer = await api.get(`/api/v1/runs/${runId}/logs?limit=3`, { accept: 'application/json' });
    expect(answer.status).toBe(200);
    expect(answer.body.data.map((line: Line) => line.message)).toEqual(
      lines.slice(0, 3).map((line) => line.message),
    );
    expect(answer.body.meta).toMatchObject({ limit: 3, has_more: true });
    const all = await user.logs(runId);
    expect(all.map((line) => line.message)).toEqual(lines.map((line) => line.message));
  });

  it('arrive while the run is still at work, and none is missing in the end', async () => {
    const slow = await user.startNew([task('talks', 'log_levels'), task('naps', 'sleep', { seconds: 600 })], {
      edges: chain('talks', 'naps'),
    });
    const messages: string[] = [];
    let cancelled = false;
    for await (const event of api.events(`/api/v1/runs/${slow}/logs`)) {
      messages.push((JSON.parse(event.data) as Line).message);
      if (messages.includes('a fault') && !cancelled) {
        // Seen live: the run cannot have ended, for its last task sleeps for ten minutes.
        cancelled = true;
        expect((await user.run(slow)).state).toBe('RUNNING');
        await api.post(`/api/v1/runs/${slow}/cancel`);
      }
    }
    expect(cancelled).toBe(true);
    expect((await user.run(slow)).state).toBe('CANCELLED');
    expect(messages).toEqual(expect.arrayContaining(['some news', 'a worry', 'a fault']));
  });

  it('keep thousands of lines in their order', async () => {
    const id = await user.startNew([task('flood', 'log_flood', { lines: 3000 })]);
    const { lines } = await stream(id);
    const flood = lines.filter((line) => /^line \d+ of 3000$/.test(line.message));
    expect(flood.map((line) => Number(line.message.split(' ')[1]))).toEqual(
      Array.from({ length: 3000 }, (_, i) => i + 1),
    );
  });

  it('tell of an error that happened in the engine too, not only in the handler', async () => {
    const id = await user.startNew([task('asks', 'echo', { x: '{{ params.missing }}' }, ONCE)]);
    await user.ended(id);
    const { lines } = await stream(id, '?level=ERROR');
    expect(lines.map((line) => line.message).join('\n')).toMatch(/params\.missing/);
  });

  it('are refused with the usual envelope', async () => {
    expect((await api.get('/api/v1/runs/run_doesNotExist/logs')).status).toBe(404);
    const bad = await api.get(`/api/v1/runs/${runId}/logs?level=LOUD`);
    expect([bad.status, bad.body.error.code]).toEqual([422, 'VALIDATION_ERROR']);
  });
});
