import { findHandlerFiles, mayDeclarePipelines, SDK_FILE } from '@tauro/handlers';
import { ProcessEnded, ProcessPool } from '@tauro/processes';
import { basename, join, relative, resolve, sep } from 'node:path';
import { type Variables } from '../interpolate.js';
import { describe, type SourceFile } from '../source-files.js';

const EXTENSION = __filename.slice(-3);
const libs = (room: string): string =>
  join(__dirname, `../../../../../../libs/${room}/src/index${EXTENSION}`);
const HEAP_MB = 256;
const MAX_RSS_MB = 640;
/** What a process may take until it begins to load. */
const STARTING_MS = 30_000;

/** What is in a module that may declare pipelines. */
export interface Declared {
  file: SourceFile;
  /** What it declares, unchecked; or why nobody knows. */
  definitions?: unknown[];
  fault?: string;
}

export interface DeclaredOptions {
  maxBytes: number;
  /** What the modules see of the environment. */
  variables: Variables;
  /** How long one may take to load. */
  timeoutMs: number;
}

/**
 * Every module at or below the paths of handlers that is at or below one of pipelines, too: into the first no pipeline may
 * write, and who names the second wants to be asked. A path of handlers that is not there is for the workers to tell.
 */
export async function findModules(handlers: string[], pipelines: string[]): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  for (const path of await findHandlerFiles(handlers).catch(() => [])) {
    const root = pipelines
      .map((one) => resolve(one))
      .find((one) => path === one || path.startsWith(one + sep));
    const file = root && (await describe(path, path === root ? basename(root) : relative(root, path)));
    if (file) files.push(file);
  }
  return files;
}

/**
 * Asks the modules which pipelines they declare, each of those whose text says that it may. They are code of users, and are
 * run for it: in a process beside the API, in which they may crash, hang or take memory as they like, without its secrets.
 */
export async function readDeclared(files: SourceFile[], options: DeclaredOptions): Promise<Declared[]> {
  const declaring: SourceFile[] = [];
  for (const file of files) {
    // Whatever cannot be read is told by the worker, whose handlers it has.
    if (await mayDeclarePipelines(file.path).catch(() => false)) declaring.push(file);
  }
  if (declaring.length === 0) return [];
  const pool = new ProcessPool({
    program: program(options.variables),
    size: 1,
    keepOne: false,
    killGraceMs: 0,
  });
  try {
    const all: Declared[] = [];
    for (const file of declaring) all.push({ file, ...(await ask(pool, file, options)) });
    return all;
  } finally {
    await pool.close();
  }
}

async function ask(
  pool: ProcessPool,
  { path }: SourceFile,
  { maxBytes, timeoutMs }: DeclaredOptions,
): Promise<Omit<Declared, 'file'>> {
  const abort = new AbortController();
  const late = setTimeout(() => abort.abort(), STARTING_MS + timeoutMs);
  let loading: NodeJS.Timeout | undefined;
  const log = (): void => void (loading ??= setTimeout(() => abort.abort(), timeoutMs));
  try {
    const text = await pool.run({ file: path }, { signal: abort.signal, log, progress: () => undefined });
    if (text.length > maxBytes) return { fault: `declares more than ${maxBytes} bytes` };
    return { definitions: JSON.parse(text) as unknown[] };
  } catch (error) {
    if (abort.signal.aborted) return { fault: `took longer than ${timeoutMs / 1000} s to load` };
    return { fault: inWords(error as Error, path) };
  } finally {
    clearTimeout(late);
    clearTimeout(loading);
  }
}

function inWords(error: Error, path: string): string {
  if (!(error instanceof ProcessEnded)) {
    // Without the folders of the server, which are nobody's business.
    const own = `${path}: `;
    const message = error.message.startsWith(own) ? error.message.slice(own.length) : error.message;
    return `cannot be loaded: ${message.replaceAll(resolve(path, '..') + sep, '')}`;
  }
  const { ending } = error;
  if (ending.kind === 'outgrown') return `used more than ${MAX_RSS_MB} MB of memory while it was loaded`;
  return ending.kind === 'exited' ? `${ending.how} while it was loaded` : 'was not loaded: the API stops';
}

const program = (variables: Variables) => ({
  module: join(__dirname, `declared-main${EXTENSION}`),
  sourceAliases: {
    '@tauro/sdk': SDK_FILE,
    '@tauro/handlers': libs('handlers'),
    '@tauro/processes': libs('processes'),
  },
  settings: {},
  env: variables,
  heapMb: HEAP_MB,
  maxRssBytes: MAX_RSS_MB * 1024 * 1024,
  maxLogBytes: 64 * 1024,
});
