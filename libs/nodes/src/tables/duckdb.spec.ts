import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDbSession, withDuckDb } from './duckdb.js';
import { nodeErrorOf } from './table-errors.js';

jest.setTimeout(60_000);

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'tauro-duckdb-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

const limits = (memoryLimitMb: number, maxTempDiskMb: number) => ({
  memoryLimitMb,
  maxTempDiskMb,
  threads: 1,
  tempDirectory: join(folder, 'spill'),
});
/** More than 80 MB to hold, so it works with a disk to spill to, and only then. */
const SORT = 'SELECT i, md5(i::VARCHAR) AS h FROM range(2000000) r(i) ORDER BY h';

describe('a session', () => {
  it('spills to its own folder when memory is short, and leaves nothing there', async () => {
    const path = join(folder, 'sorted.parquet');
    await withDuckDb({ limits: limits(80, 2000), paths: [path] }, async (session) => {
      expect(await session.copy(SORT, path, 'FORMAT parquet, USE_TMP_FILE false')).toBe(2_000_000);
    });
    expect(await readdir(join(folder, 'spill'))).toEqual([]);
  });

  it('says what to raise when both memory and disk are used up', async () => {
    const path = join(folder, 'sorted.parquet');
    const work = withDuckDb({ limits: limits(80, 5), paths: [path] }, (session) =>
      session.copy(SORT, path, 'FORMAT parquet, USE_TMP_FILE false'),
    );
    const error = await work.catch((fault: unknown) => nodeErrorOf(fault, 'sort'));
    expect(error).toMatchObject({ type: 'OutOfMemory', retryable: true });
    expect(error).toMatchObject({
      message: expect.stringMatching(/^sort: .*DUCKDB_MEMORY_MB or DUCKDB_TEMP_DISK_MB/),
    });
  });

  it('reads and writes exactly the files it was given', async () => {
    const given = join(folder, 'given.csv');
    const other = join(folder, 'other.csv');
    await withDuckDb({ limits: limits(100, 100), paths: [given] }, async (session) => {
      await session.copy('SELECT 1 AS a', given, 'FORMAT csv, USE_TMP_FILE false');
      expect(await session.texts(`SELECT a FROM read_csv('${given}')`)).toEqual(['1']);
      await expect(session.copy('SELECT 1', other, 'FORMAT csv, USE_TMP_FILE false')).rejects.toThrow();
      await expect(session.texts(`FROM read_csv('${join(folder, '*')}')`)).rejects.toThrow();
      await expect(session.texts(`FROM read_csv('${folder}/x/../other.csv')`)).rejects.toThrow();
    });
    expect(existsSync(other)).toBe(false);
  });

  it('runs statements of several askers one after the other', async () => {
    const session = await DuckDbSession.open({ limits: limits(100, 0) });
    const answers = Array.from({ length: 50 }, (_, i) => session.texts(`SELECT ${i}`));
    expect((await Promise.all(answers)).flat()).toEqual(answers.map((_, i) => String(i)));
    await session.close();
  });

  it('stops at once when aborted, and does not start when that came first', async () => {
    const stop = new AbortController();
    const running = withDuckDb({ limits: limits(100, 100), signal: stop.signal }, async (session) => {
      setTimeout(() => stop.abort(new Error('cancelled')), 100);
      await session.run('SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b');
    });
    await expect(running).rejects.toThrow('cancelled');
    await expect(
      withDuckDb({ limits: limits(100, 100), signal: stop.signal }, () => Promise.resolve(1)),
    ).rejects.toThrow('cancelled');
  });
});
