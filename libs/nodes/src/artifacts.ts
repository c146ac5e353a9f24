import { copyFile, link, mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

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

  /** Removes everything a run left. Absent is fine. */
  async removeRun(runId: string): Promise<void> {
    await rm(this.path(`runs/${runId}`), { recursive: true, force: true });
  }
}
