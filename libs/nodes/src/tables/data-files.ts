import { lstat, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { NodeError } from '../node-kind.js';
import { ARTIFACT_FOLDERS } from '../artifacts.js';
import { type NodeSettings } from '../settings.js';
import { withDuckDb } from './duckdb.js';
import { literal } from './sql-text.js';

const GLOB = /[*?[]/;

/** A path of this machine, or of a volume that is mounted alike on several, as a dataset. @param path absolute */
export const fileDataset = (path: string): { namespace: string; name: string } => ({
  namespace: 'file',
  name: path,
});

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
      const files = (await this.list(folder, '**', written)).filter((file) => isData(file, folder, endings));
      if (files.length > 0) return files;
      const message =
        `'${written}' is a folder without a file that ends in ${endings.slice(0, 12).join(', ')}; ` +
        `set format, or name its files with a glob such as '${join(written, '*.csv')}'`;
      throw new NodeError('FileNotFound', message, false);
    }
    if (!GLOB.test(path)) {
      // A link to nothing must not tell by its error what there is elsewhere.
      await this.inside(await realOrFuture(path), written);
      return this.orMissing([], written, path);
    }
    const parts = path.split(sep);
    const fixed = parts.findIndex((part) => GLOB.test(part));
    const folder = await this.inside(await realOrFuture(parts.slice(0, fixed).join(sep) || sep), written);
    if (!(await exists(folder))) return this.orMissing([], written, path);
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
    return Promise.all(this.settings.dataRoots.map((root) => realOrFuture(root)));
  }

  private async inside(real: string, written: string): Promise<string> {
    if (!(await this.roots()).some((root) => isWithin(root, real))) throw this.outside(written);
    const stored = await Promise.all(
      ARTIFACT_FOLDERS.map((name) => realOrFuture(join(this.artifacts, name))),
    );
    if (stored.some((folder) => isWithin(folder, real))) {
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
    const real = await Promise.all(
      files.map(async (file) => {
        const found = await this.inside(await realOrFuture(file), written);
        if (await exists(found)) return found;
        const message = `'${this.display(file)}' is a symbolic link to a file that does not exist`;
        throw new NodeError('FileNotFound', message, false);
      }),
    );
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

/** As many links in a row as the systems allow; more are a circle. */
const MAX_LINKS = 40;

/**
 * The real path of something that need not exist: what exists is resolved, and so is a link to nothing, because
 * whoever writes there writes where it points.
 * @throws NodeError when links lead in a circle
 */
async function realOrFuture(path: string, links = 0): Promise<string> {
  const real = await realpath(path).catch(() => undefined);
  if (real !== undefined) return real;
  if (links > MAX_LINKS) throw new NodeError('BadPath', 'symbolic links lead in a circle', false);
  const parent = dirname(path);
  if (parent === path) return path;
  const folder = await realOrFuture(parent, links);
  const place = join(folder, basename(path));
  const link = await readlink(place).catch(() => undefined);
  return link === undefined ? place : realOrFuture(resolve(folder, link), links + 1);
}

/** Whether anything is there, a dangling link included. */
export const exists = async (path: string): Promise<boolean> =>
  (await lstat(path).catch(() => undefined)) !== undefined;
