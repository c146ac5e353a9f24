import { RunLogWriter } from '@tauro/orchestration';
import { Engine } from '../support/engine.js';

describe('lines of a log', () => {
  let engine: Engine;
  let logs: RunLogWriter;

  beforeAll(async () => {
    engine = await Engine.start();
    logs = engine.app.get(RunLogWriter);
  });
  afterAll(() => engine?.stop({ drop: true }));
  afterEach(() => jest.restoreAllMocks());

  /** The connection breaks at the next insert: before the database has stored it, or just after. */
  function breakInsert(when: 'before' | 'after') {
    const collection = engine.db.logs;
    const insert = collection.insertOne.bind(collection);
    const broken = jest.spyOn(collection, 'insertOne').mockImplementationOnce(async (...args) => {
      if (when === 'after') await insert(...args);
      throw new Error('connection closed');
    });
    jest.spyOn(engine.db, 'logs', 'get').mockReturnValue(collection);
    return broken;
  }

  /** Adds a line whose first insert breaks, whether a flush of the test or of the timer comes to it first. */
  async function appendBroken(runId: string, message: string, when: 'before' | 'after'): Promise<void> {
    const broken = breakInsert(when);
    logs.append(runId, null, 'INFO', message);
    await logs.flush(runId).catch(() => undefined);
    expect(broken).toHaveBeenCalled();
  }

  const stored = async (runId: string) => {
    const chunks = await engine.db.logs.find({ run_id: runId }).sort({ first_seq: 1 }).toArray();
    return chunks.map(({ first_seq, lines }) => [first_seq, ...lines.map(({ message }) => message)]);
  };

  it.each(['before', 'after'] as const)(
    'are there once when the answer is lost %s they were stored',
    async (when) => {
      const runId = `run_${when}`;
      logs.append(runId, null, 'INFO', 'one');
      await logs.flush(runId);
      await appendBroken(runId, 'two', when);
      logs.append(runId, null, 'INFO', 'three');
      await logs.flush(runId);
      expect(await stored(runId)).toEqual([
        [1, 'one'],
        [2, 'two'],
        [3, 'three'],
      ]);
    },
  );

  it('are refused once the log has ended, also of a process that knows nothing of that', async () => {
    const runId = 'run_ended';
    const other = await Engine.start(engine.database);
    try {
      const late = other.app.get(RunLogWriter);
      late.append(runId, null, 'INFO', 'in time');
      await late.flush(runId);
      await logs.close(runId, [{ level: 'INFO', message: 'the last' }]);
      late.append(runId, null, 'INFO', 'too late');
      await late.flush(runId);
      logs.append(runId, null, 'INFO', 'too late as well');
      await logs.flush(runId);
      await late.close(runId, [{ level: 'INFO', message: 'the last again' }]);
      expect(await stored(runId)).toEqual([
        [1, 'in time'],
        [2, 'the last'],
      ]);
    } finally {
      await other.stop();
    }
  });

  it('are stored again, without a gap, when a database that crashed has lost them', async () => {
    const runId = 'run_lossy';
    for (const message of ['one', 'lost', 'lost, too']) {
      logs.append(runId, null, 'INFO', message);
      await logs.flush(runId);
    }
    await engine.db.logs.deleteMany({ run_id: runId, first_seq: { $gt: 1 } });
    const { epoch } = engine.db;
    jest.spyOn(engine.db, 'epoch', 'get').mockReturnValue(epoch + 1);
    logs.append(runId, null, 'INFO', 'two');
    await logs.flush(runId);
    expect(await stored(runId)).toEqual([
      [1, 'one'],
      [2, 'lost'],
      [3, 'lost, too'],
      [4, 'two'],
    ]);
  });
});
