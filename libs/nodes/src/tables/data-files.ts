import { lstat, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { NodeError } from '../node-kind.js';
import { type NodeSettings } from '../settings.js';
import { withDuckDb } from './duckdb.js';
import { literal } from './sql-text.js';

const GLOB = /[*?[]/;

/**
 * The files a pipeline may name: those under `DATA_ROOTS`, after symbolic links are followed, and never the
 * tables of other runs. Paths are told as the author wrote them, or relative to the working directory.
 */
export class DataFiles {
  constructor(
    private readonly settings: NodeSettings,
    /** Folder of the artifact store. */
    private readonly artifacts: string,
  ) {}

  /**
   * The files that a path or glob names, links resolved, in order of name. A folder stands for the files in it,
   * at any depth, that end in one of `endings`.
   * @throws NodeError when there is none, or one lies outside
   */
  async find(written: string, endings: readonly string[]): Promise<string[]> {
    const path = await this.absolute(written);
    const info = await stat(path).catch(() => undefined);
    if (info?.isFile()) return [await this.inside(await realpath(path), written)];
    if (info?.isDirectory()) {
      const folder = await this.inside(await realpath(path), written);
      const found = await this.list(folder, '**', written);
      return this.orMissing(
        found.filter((file) => isData(file, folder, endings)),
        written,
        path,
      );
    }
    if (!GLOB.test(path)) return this.orMissing([], written, path);
    const parts = path.split(sep);
    const fixed = parts.findIndex((part) => GLOB.test(part));
    const folder = await realpath(parts.slice(0, fixed).join(sep) || sep).catch(() => undefined);
    if (folder === undefined) return this.orMissing([], written, path);
    await this.inside(folder, written);
    const pattern = parts.slice(fixed).join(sep);
    const found = await this.list(folder, pattern, written);
    // As in a shell, `*` does not mean hidden files: temporary ones of a sink at work are such.
    const shown = /(^|\/)\./.test(pattern) ? found : found.filter((file) => !isHidden(file, folder));
    return this.orMissing(shown, written, path);
  }

  /**
   * Where a file or folder is to be written, links resolved. It need not exist.
   * @throws NodeError when it lies outside
   */
  async target(written: string): Promise<string> {
    return this.inside(await realOrFuture(await this.absolute(written)), written);
  }

  /** A path for people: relative to the working directory when inside it. */
  display(path: string): string {
    const shown = relative(this.settings.workingDirectory, path);
    return shown === '' ? '.' : shown.startsWith('..') ? path : shown;
  }

  private async absolute(written: string): Promise<string> {
    if (written.trim() === '' || written.includes('\0'))
      throw new NodeError('BadPath', 'the path is empty', false);
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(written)) {
      throw new NodeError('BadPath', `'${written}' is a URL; only paths of files are supported here`, false);
    }
    const path = resolve(this.settings.workingDirectory, written);
    const roots = [...this.settings.dataRoots, ...(await this.roots())];
    // Before any look at the path itself: nobody learns what exists elsewhere.
    if (!roots.some((root) => isWithin(root, path))) throw this.outside(written);
    return path;
  }

  private roots(): Promise<string[]> {
    return Promise.all(this.settings.dataRoots.map(realOrFuture));
  }

  private async inside(real: string, written: string): Promise<string> {
    if (!(await this.roots()).some((root) => isWithin(root, real))) throw this.outside(written);
    if (isWithin(await realOrFuture(join(this.artifacts, 'runs')), real)) {
      throw new NodeError(
        'PathNotAllowed',
        `'${written}' is in the artifact store, which belongs to Tauro`,
        false,
      );
    }
    return real;
  }

  private outside(written: string): NodeError {
    const roots = this.settings.dataRoots.map((root) => this.display(root)).join(', ');
    const message = `'${written}' is outside the folders that pipelines may use (DATA_ROOTS: ${roots})`;
    return new NodeError('PathNotAllowed', message, false);
  }

  /** The files below `folder` that match, links resolved. A link that leads outside fails the whole list. */
  private async list(folder: string, pattern: string, written: string): Promise<string[]> {
    const limits = { ...this.settings.duckdb, threads: 1 };
    const files = await withDuckDb({ limits, directories: [folder] }, (session) =>
      session.texts(`SELECT file FROM glob(${literal(join(folder, pattern))}) ORDER BY file`),
    );
    const real = await Promise.all(files.map(async (file) => this.inside(await realpath(file), written)));
    return [...new Set(real)];
  }

  private orMissing(files: string[], written: string, path: string): string[] {
    if (files.length > 0) return files;
    throw new NodeError('FileNotFound', `'${written}' was not found (looked for ${path})`, false);
  }
}

/** Not hidden, not somebody's temporary or marker file, and of the wanted format. */
function isData(file: string, folder: string, endings: readonly string[]): boolean {
  const name = basename(file).toLowerCase();
  return !isHidden(file, folder) && !name.startsWith('_') && endings.some((ending) => name.endsWith(ending));
}

const isHidden = (file: string, folder: string): boolean =>
  relative(folder, file)
    .split(sep)
    .some((part) => part.startsWith('.') && part !== '..');

const isWithin = (root: string, path: string): boolean =>
  path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);

/** The real path, links resolved as far as the path exists. */
async function realOrFuture(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await realOrFuture(parent), basename(path));
  }
}

/** Whether anything is there, a dangling link included. */
export const exists = async (path: string): Promise<boolean> =>
  (await lstat(path).catch(() => undefined)) !== undefined;
