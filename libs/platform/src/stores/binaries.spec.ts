import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { DownloadCache } from './cache.js';
import { mongodRoutes } from './mongod-routes.js';
import { onPath } from './on-path.js';
import { redisRoutes } from './redis-routes.js';

const silent = (): void => undefined;

describe('where server programs are looked for', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'tauro-bin-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const program = (name: string, script: string, mode = 0o755): string => {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode });
    return path;
  };
  const names = (routes: { name: string }[]): string[] => routes.map((route) => route.name);

  it('PATH first, then the official download, then the pinned package', () => {
    const cache = new DownloadCache(join(folder, 'cache'));
    expect(names(mongodRoutes(cache, silent))).toEqual(['on PATH', 'official download', 'npm package']);
    expect(names(redisRoutes(cache, silent))).toEqual(['on PATH', 'Debian package']);
  });

  it('what was downloaded before goes before another download', () => {
    mkdirSync(join(folder, 'mongod-npm-8.2.0'));
    const [onPathFirst, next] = mongodRoutes(new DownloadCache(folder), silent);
    expect([onPathFirst?.name, next?.name]).toEqual(['on PATH', 'npm package']);
  });

  it('finds either name on PATH, the better one first', async () => {
    const valkey = program('valkey-server', 'exit 0');
    const path = ['/no/such/folder', folder].join(delimiter);
    expect(await onPath(['redis-server', 'valkey-server'], path).find()).toMatchObject({ path: valkey });
    const redis = program('redis-server', 'exit 0');
    expect(await onPath(['redis-server', 'valkey-server'], path).find()).toMatchObject({ path: redis });
  });

  it('passes over a file that cannot be executed', async () => {
    program('mongod', 'exit 0', 0o644);
    await expect(onPath(['mongod'], folder).find()).rejects.toThrow('no mongod');
  });

  it('refuses a program that does not even tell its version', async () => {
    program('mongod', 'echo "libssl.so.1.1: cannot open shared object file" >&2; exit 127');
    await expect(onPath(['mongod'], folder).find()).rejects.toThrow('libssl.so.1.1: cannot open');
  });
});
