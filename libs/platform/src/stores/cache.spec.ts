import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { DownloadCache } from './cache.js';

const silent = (): void => undefined;

describe('DownloadCache', () => {
  let folder: string;
  let cache: DownloadCache;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tauro-cache-'));
    cache = new DownloadCache(folder);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('makes an entry once, however many ask at the same time', async () => {
    let made = 0;
    const produce = async (making: string): Promise<void> => {
      made++;
      writeFileSync(join(making, 'mongod'), 'binary');
      await new Promise((resolve) => setImmediate(resolve));
    };
    const paths = await Promise.all([1, 2, 3].map(() => cache.once('mongod', silent, produce)));
    expect(new Set(paths)).toEqual(new Set([join(folder, 'mongod')]));
    expect(made).toBe(1);
    expect(readFileSync(join(paths[0]!, 'mongod'), 'utf8')).toBe('binary');
    expect(cache.find('mongod')).toBe(paths[0]);
  });

  it('leaves nothing of an entry that failed half-way, and can try again', async () => {
    const half = async (making: string): Promise<void> => {
      writeFileSync(join(making, 'mongod'), 'half');
      throw new Error('disk full');
    };
    await expect(cache.once('mongod', silent, half)).rejects.toThrow('disk full');
    expect(readdirSync(folder)).toEqual([]);
    await cache.once('mongod', silent, async () => undefined);
    expect(existsSync(join(folder, 'mongod'))).toBe(true);
  });

  it('does not wait for a process that was killed while it held the lock', async () => {
    const lock = join(folder, 'mongod.lock');
    writeFileSync(lock, '');
    utimesSync(lock, new Date(0), new Date(0));
    expect(await cache.once('mongod', silent, async () => undefined)).toBe(join(folder, 'mongod'));
  });

  it('says which variable to set when the folder cannot be used', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const broken = new DownloadCache(join(file, 'cache'));
    await expect(broken.once('x', silent, async () => undefined)).rejects.toThrow('set TAURO_CACHE_DIR');
  });
});
