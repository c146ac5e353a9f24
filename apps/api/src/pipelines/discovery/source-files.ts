import { type Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join, relative, resolve } from 'node:path';
import { type DiscoveryProblem } from '../../info/info.dto.js';

/** A file that may hold pipelines. */
export interface SourceFile {
  /** Absolute. */
  path: string;
  /** Relative to the entry of PIPELINES_PATH it was found under. */
  label: string;
  size: number;
  /** Changes whenever the file does. */
  stamp: string;
}

const EXTENSIONS = new Set(['.yaml', '.yml', '.json']);
/** Where there is code, not definitions. */
const SKIPPED = new Set(['node_modules', 'handlers']);
const MAX_FOLDERS = 1000;

/** Every YAML and JSON file at or below the paths, in the order of their names. */
export async function findSourceFiles(
  paths: string[],
): Promise<{ files: SourceFile[]; problems: DiscoveryProblem[] }> {
  const files: SourceFile[] = [];
  const problems: DiscoveryProblem[] = [];
  for (const given of paths) {
    const root = resolve(given);
    try {
      const found = (await stat(root)).isDirectory() ? await walk(root) : [root];
      for (const path of found) {
        const file = await describe(path, path === root ? basename(root) : relative(root, path));
        if (file && !files.some((other) => other.path === path)) files.push(file);
      }
    } catch (error) {
      const message = `PIPELINES_PATH names it, but it ${whyUnreadable(error)}`;
      problems.push({ path: given, field: null, message });
    }
  }
  return { files, problems };
}

/** In words, and without the absolute path that the system's own message has. */
export function whyUnreadable(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read by this process';
  return code ? `cannot be read (${code})` : message;
}

/** Undefined when it vanished meanwhile. */
export async function describe(path: string, label: string): Promise<SourceFile | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found && { path, label, size: found.size, stamp: `${found.mtimeMs}:${found.size}:${found.ino}` };
}

async function walk(root: string): Promise<string[]> {
  const files: string[] = [];
  const folders = [root];
  // Folders are added while they are walked.
  for (const folder of folders) {
    for (const entry of (await readdir(folder, { withFileTypes: true })).sort(byName)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !isSkipped(entry.name) && folders.length < MAX_FOLDERS) folders.push(path);
      else if (entry.isFile() && EXTENSIONS.has(extname(entry.name).toLowerCase())) files.push(path);
    }
  }
  return files;
}

const isSkipped = (name: string): boolean => name.startsWith('.') || SKIPPED.has(name);
const byName = (a: Dirent, b: Dirent): number => (a.name < b.name ? -1 : 1);
