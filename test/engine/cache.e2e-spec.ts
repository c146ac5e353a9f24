import { type NodeCacheEntry } from '@tauro/database';
import { type Json } from '@tauro/domain';
import { ArtifactStore, type NodeContext, type NodeKind } from '@tauro/nodes';
import { CacheRemoval, type ClaimedTask, LEFTOVER_AGE_MS, type Outcome } from '@tauro/orchestration';
import { Env } from '@tauro/platform';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { NodeCache } from '../../apps/worker/src/execution/node-cache.js';
import { type TablePool } from '../../apps/worker/src/executors/table-pool.js';
import { Engine } from '../support/engine.js';

const hashOf = (name: string): string => createHash('sha256').update(name).digest('hex');

describe('cached results that are past their time', () => {
  let engine: Engine;
  let artifacts: ArtifactStore;
  let removal: CacheRemoval;
  beforeAll(async () => {
    engine = await Engine.start();
    artifacts = new ArtifactStore(engine.app.get(Env).ARTIFACTS_URL);
    removal = engine.app.get(CacheRemoval);
  });
  afterAll(() => engine.stop({ drop: true }));

  const file = async (hash: string, claim: string): Promise<string> => {
    const key = artifacts.cachedTableKey(hash, claim);
    await writeFile(await artifacts.pathForWriting(key), 'rows');
    return key;
  };
  /** An entry with a table, as a worker stores it. */
  const entry = async (name: string, expiresIn: number): Promise<{ hash: string; key: string }> => {
    const hash = hashOf(name);
    const key = await file(hash, 'c1');
    const created_at = new Date();
    await engine.db.cache.insertOne({
      _id: hash,
      project_id: engine.project,
      run_id: 'run_1',
      node_id: 'a',
      output: { rows: 1 },
      table: { artifact: key, rows: 1, bytes: 4, columns: [] },
      created_at,
      expires_at: new Date(created_at.getTime() + expiresIn),
    } satisfies NodeCacheEntry);
    return { hash, key };
  };
  const there = (key: string): boolean => existsSync(artifacts.path(key));
  const left = (hash: string): Promise<number> => engine.db.cache.countDocuments({ _id: hash });
  /** A whole round over the folders, whatever an earlier sweep has left to do. */
  const sweepAll = async (now: Date): Promise<number> => {
    let files = 0;
    for (let sweeps = 0; sweeps < 32; sweeps++) files += (await removal.sweep(now)).files;
    return files;
  };

  it('go with their tables, and those that are not stay', async () => {
    const old = await entry('old', -1);
    const young = await entry('young', 3_600_000);
    expect(await removal.sweep(new Date())).toMatchObject({ entries: 1 });
    expect([await left(old.hash), there(old.key)]).toEqual([0, false]);
    expect([await left(young.hash), there(young.key)]).toEqual([1, true]);
  });

  it('may be swept by many replicas at once', async () => {
    const old = await Promise.all(['a', 'b', 'c', 'd'].map((name) => entry(`many ${name}`, -1)));
    const other = await Engine.start(engine.database);
    const now = new Date();
    const counts = await Promise.all([
      removal.sweep(now),
      other.app.get(CacheRemoval).sweep(now),
      removal.sweep(now),
    ]);
    await other.stop();
    expect(counts.reduce((sum, { entries }) => sum + entries, 0)).toBe(old.length);
    expect(old.map(({ key }) => there(key))).toEqual([false, false, false, false]);
  });

  it('and a crash: files that no entry names go when they are a day old, others do not', async () => {
    const long = await entry('long', 10 * LEFTOVER_AGE_MS);
    // The entry went, or was never stored.
    const stray = await file(hashOf('stray'), 'c1');
    const replaced = await file(long.hash, 'c0');
    const keys = [long.key, stray, replaced];

    await sweepAll(new Date());
    expect(keys.map(there)).toEqual([true, true, true]);
    await sweepAll(new Date(Date.now() + LEFTOVER_AGE_MS + 60_000));
    expect(keys.map(there)).toEqual([true, false, false]);
    expect(await left(long.hash)).toBe(1);
  });
});

describe('the cache of a worker', () => {
  let engine: Engine;
  let cache: NodeCache;
  let warnings: string[];
  /** What the node depends on outside its run. */
  let outside: Json;
  beforeAll(async () => {
    engine = await Engine.start();
    const noTables = undefined as unknown as TablePool;
    cache = new NodeCache(engine.db, noTables, new ArtifactStore(engine.app.get(Env).ARTIFACTS_URL));
  });
  beforeEach(() => {
    warnings = [];
    outside = 'as it was';
  });
  afterEach(() => jest.restoreAllMocks());
  afterAll(() => engine.stop({ drop: true }));

  const kind = {
    type: 'reader',
    pins: { has: () => true, read: () => Promise.resolve(outside) },
  } as Partial<NodeKind> as NodeKind;
  /** What an attempt of a node with this config yields, and whether it executed. */
  const attempt = async (config: object, { fresh = false, during = () => {} } = {}) => {
    const node = { id: 'n', type: kind.type, cache: { ttl_seconds: 60 } };
    const run = { _id: 'run_1', project_id: engine.project, engine: { fresh } };
    const claimed = { node, run, claimId: 'c1' } as unknown as ClaimedTask;
    const context = {
      config,
      inputs: [],
      run: { id: run._id },
      signal: new AbortController().signal,
      log: (_: string, message: string) => warnings.push(message),
    } as unknown as NodeContext;
    let executed = false;
    const outcome = await cache.through(claimed, kind, context, {}, () => {
      executed = true;
      during();
      return Promise.resolve({ kind: 'success', output: outside } satisfies Outcome);
    });
    return { executed, output: (outcome as Outcome & { kind: 'success' }).output };
  };

  it('does not keep what was made of a file that changed meanwhile', async () => {
    const change = (): void => void (outside = 'changed');
    expect(await attempt({ a: 1 }, { during: change })).toMatchObject({ executed: true });
    outside = 'as it was';
    expect(await attempt({ a: 1 })).toEqual({ executed: true, output: 'as it was' });
    expect(await attempt({ a: 1 })).toEqual({ executed: false, output: 'as it was' });
    outside = 'changed';
    expect(await attempt({ a: 1 })).toEqual({ executed: true, output: 'changed' });
  });

  it('is not in the way when it cannot be asked, and says so in the log', async () => {
    await attempt({ a: 2 });
    jest.spyOn(engine.db, 'cache', 'get').mockImplementation(() => {
      throw new Error('connection closed');
    });
    expect(await attempt({ a: 2 })).toMatchObject({ executed: true });
    expect(warnings).toContain('the cache cannot be used at the moment');
  });

  it('is passed by in a run that is to execute truly, and has the newer result afterwards', async () => {
    await attempt({ a: 3 });
    expect(await attempt({ a: 3 }, { fresh: true })).toMatchObject({ executed: true });
    expect(await attempt({ a: 3 })).toMatchObject({ executed: false });
  });
});
