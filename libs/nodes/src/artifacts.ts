import { copyFile, link, mkdir, open, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folders at the root of a store. Nothing that a pipeline names may lie in them. */
export const ARTIFACT_FOLDERS = ['runs', 'cache'] as const;

/**
 * Where data between nodes lives: a directory that every worker reaches (one machine, or a shared volume).
 * Files are written under the claim that made them and become visible only when the guarded finish names them,
 * so a worker that lost its claim cannot overwrite the winner's table.
 */
export class ArtifactStore {
  readonly root: string;

  /** @param url a directory, or `file:///…`. @throws Error for any other scheme. */
  constructor(url: string) {
    if (/^[a-z][a-z0-9+.-]+:\/\//i.test(url) && !url.startsWith('file://')) {
      throw new Error(`ARTIFACTS_URL=${url}: only a directory or a file:// URL is supported`);
    }
    this.root = resolve(url.startsWith('file://') ? fileURLToPath(url) : url);
  }

  /** The key of the table that this claim of a node writes. */
  tableKey(runId: string, nodeId: string, claimId: string): string {
    return `runs/${runId}/${nodeId}/${claimId}.parquet`;
  }

  /**
   * The key under which the cache keeps the table that this claim has made. Entries whose hashes begin alike share a
   * folder: a million of them in one would be slow to list. @param hash of the entry, in hex.
   */
  cachedTableKey(hash: string, claimId: string): string {
    return `cache/${hash.slice(0, 2)}/${hash}/${claimId}.parquet`;
  }

  /** The absolute path of a key. @throws Error when the key leaves the store. */
  path(key: string): string {
    const path = resolve(join(this.root, key));
    if (!path.startsWith(this.root + sep)) throw new Error(`artifact key '${key}' leaves the store`);
    return path;
  }

  /** The path of a key to be written; its folder exists afterwards. */
  async pathForWriting(key: string): Promise<string> {
    const path = this.path(key);
    await mkdir(dirname(path), { recursive: true });
    return path;
  }

  /** Bytes of an artifact. */
  async size(key: string): Promise<number> {
    return (await stat(this.path(key))).size;
  }

  /**
   * Gives an artifact a second key, so that each may be removed without the other; it costs no space where the
   * file system has links. @returns false when the artifact is no longer there.
   */
  async share(key: string, secondKey: string): Promise<boolean> {
    const target = await this.pathForWriting(secondKey);
    try {
      await link(this.path(key), target).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') throw error;
        if (error.code !== 'EEXIST') await copyFile(this.path(key), target);
      });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }

  /** Whether an artifact is there, with this size, and can be read. */
  async isWhole(key: string, bytes: number): Promise<boolean> {
    try {
      const file = await open(this.path(key));
      try {
        return (await file.stat()).size === bytes;
      } finally {
        await file.close();
      }
    } catch {
      return false;
    }
  }

  /** Removes one artifact. Absent is fine. */
  async remove(key: string): Promise<void> {
    await rm(this.path(key), { force: true });
  }

  /** The folders that hold files of runs, `runs/<run>`, or of the cache, `cache/<first digits of hashes>`. */
  async folders(of: (typeof ARTIFACT_FOLDERS)[number]): Promise<string[]> {
    return (await unlessAbsent(readdir(join(this.root, of)), [])).map((name) => `${of}/${name}`);
  }

  /**
   * Removes those files of one of `folders` that are not in `used` and have not changed since `before`, and folders
   * that are empty then. A fresh link to an old file counts as changed. @returns how many files were removed.
   */
  async removeUnused(folder: string, used: ReadonlySet<string>, before: Date): Promise<number> {
    let removed = 0;
    for (const node of await unlessAbsent(readdir(this.path(folder)), [])) {
      for (const file of await unlessAbsent(readdir(this.path(`${folder}/${node}`)), [])) {
        const key = `${folder}/${node}/${file}`;
        if (used.has(key)) continue;
        const found = await unlessAbsent(stat(this.path(key)), undefined);
        if (!found || found.ctime >= before) continue;
        await rm(this.path(key), { force: true });
        removed++;
      }
      await removeIfEmpty(this.path(`${folder}/${node}`));
    }
    await removeIfEmpty(this.path(folder));
    return removed;
  }

  /** Removes everything a run left. Absent is fine. */
  async removeRun(runId: string): Promise<void> {
    await rm(this.path(`runs/${runId}`), { recursive: true, force: true });
  }
}

async function unlessAbsent<T, U>(looking: Promise<T>, otherwise: U): Promise<T | U> {
  try {
    return await looking;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return otherwise;
    throw error;
  }
}

/** A folder into which somebody has just put something stays. */
async function removeIfEmpty(path: string): Promise<void> {
  await rmdir(path).catch((error: NodeJS.ErrnoException) => {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(error.code ?? '')) throw error;
  });
}
