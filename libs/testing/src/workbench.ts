import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { type LogLevel } from '@tauro/domain';
import {
  adoptTable,
  ArtifactStore,
  HandlerTables,
  type NodeContext,
  type NodeSettings,
  type TableRef,
} from '@tauro/nodes';
import { type Row } from '@tauro/sdk';

/** Rows for a node to read; what the columns are is found out from the rows unless it is said. */
export type TableGiven = readonly object[] | { rows: readonly object[]; columns: Record<string, string> };

/** A table that was made. */
export interface Table {
  /** The first 10,000 of its rows, as `tables.read` gives them. */
  rows: Row[];
  /** Names and DuckDB's types. */
  columns: Record<string, string>;
  /** How many rows there are. */
  count: number;
}

/** A line of a task's log. */
export interface LogLine {
  level: LogLevel;
  message: string;
}

const MAX_ROWS = 10_000;
/** Bytes of a file that is worth showing. */
const MAX_TEXT = 1_000_000;

/** What identifies one attempt of a node, and may be told to it. */
export type Attempt = Partial<NodeContext> & Pick<NodeContext, 'run' | 'task'>;

/** What an attempt has around it, in folders that are made for one test and removed with it. */
export class Workbench {
  private constructor(
    readonly artifacts: ArtifactStore,
    readonly settings: NodeSettings,
  ) {}

  /** Makes one, hands it to `work` and clears it away whatever happens. */
  static async with<T>(work: (bench: Workbench) => Promise<T>): Promise<T> {
    const root = await realpath(await mkdtemp(join(tmpdir(), 'tauro-testing-')));
    const data = join(root, 'data');
    await mkdir(data);
    const bench = new Workbench(new ArtifactStore(join(root, 'artifacts')), settingsIn(root, data));
    try {
      return await work(bench);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  }

  /** Lets nodes read and write below a folder of the caller's, from which relative paths start. */
  useFolder(folder: string): void {
    this.settings.dataRoots = [folder];
    this.settings.workingDirectory = folder;
  }

  /** Writes a file below the folder from which relative paths start. */
  async file(path: string, content: string | Uint8Array): Promise<void> {
    const target = join(this.settings.workingDirectory, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content);
  }

  /** A context for an attempt, whose functions do nothing but what this room can do. */
  context(attempt: Attempt): NodeContext {
    const refuse = (what: string) => () => Promise.reject(new Error(`${what} do not run in a test`));
    const context: NodeContext = {
      params: {},
      tags: {},
      config: {},
      inputs: [],
      log: () => undefined,
      progress: () => undefined,
      signal: new AbortController().signal,
      artifacts: this.artifacts,
      settings: this.settings,
      handlers: { names: () => [], run: refuse('handlers') },
      commands: { run: refuse('commands') },
      adoptTable: (file) => adoptTable(file, context),
      ...attempt,
    };
    return context;
  }

  /** Every file in that folder as text, by its path. */
  async texts(): Promise<Record<string, string>> {
    const folder = this.settings.workingDirectory;
    const found = await readdir(folder, { recursive: true, withFileTypes: true });
    const texts: Record<string, string> = {};
    for (const entry of found.filter((one) => one.isFile())) {
      const path = join(entry.parentPath, entry.name);
      if ((await stat(path)).size <= MAX_TEXT) texts[relative(folder, path)] = await readFile(path, 'utf8');
    }
    return texts;
  }

  /** Where rows may be put that are about to become a table. */
  async scratchFile(): Promise<string> {
    const { tempDirectory } = this.settings.duckdb;
    await mkdir(tempDirectory, { recursive: true });
    return join(tempDirectory, `${randomUUID()}.ndjson`);
  }

  /** Makes the table of a node out of plain rows. */
  async make(
    nodeId: string,
    given: TableGiven,
    { run, signal }: Pick<NodeContext, 'run' | 'signal'>,
  ): Promise<TableRef> {
    const { rows, ...options } = 'rows' in given ? given : { rows: given };
    const path = await this.scratchFile();
    const writer = new HandlerTables(signal, { path, mostMb: this.settings.duckdb.maxTempDiskMb });
    await writer.write(rows, options);
    const context = this.context({ run, signal, task: attemptOf(nodeId) });
    const made = await adoptTable(
      { path, shown: nodeId, format: 'ndjson', columns: writer.result! },
      context,
    );
    return made.table!;
  }

  /** Reads a table back. */
  async read({ artifact, columns, rows: count }: TableRef): Promise<Table> {
    const reader = new HandlerTables(new AbortController().signal);
    const table = { node_id: 'made', path: this.artifacts.path(artifact), rows: count, columns };
    const rows: Row[] = [];
    for await (const some of reader.read(table)) {
      rows.push(...some.slice(0, MAX_ROWS - rows.length));
      if (rows.length === MAX_ROWS) break;
    }
    return { rows, columns: Object.fromEntries(columns.map(({ name, type }) => [name, type])), count };
  }
}

export const attemptOf = (nodeId: string, attempt = 1): NodeContext['task'] => ({
  id: `task_${nodeId}`,
  node_id: nodeId,
  attempt,
  claim_id: randomUUID(),
});

export const runOf = (given: Partial<NodeContext['run']> = {}): NodeContext['run'] => ({
  id: 'run_test',
  project_id: 'proj_test',
  pipeline_id: 'pipe_test',
  pipeline_name: 'test',
  created_at: new Date().toISOString(),
  state: 'RUNNING',
  error: null,
  ...given,
});

function settingsIn(root: string, data: string): NodeSettings {
  return {
    dataRoots: [data],
    workingDirectory: data,
    duckdb: { memoryLimitMb: 512, threads: 1, maxTempDiskMb: 4096, tempDirectory: join(root, 'spill') },
    egressAllowPrivate: false,
    templateEnv: [],
    taskMemoryMb: 512,
    commands: { enabled: false, allowed: [], memoryMb: 0, processes: 0, fileMb: 0, openFiles: 0 },
    containers: { enabled: false, images: [], networks: [], memoryMb: 0, cpus: 0 },
    kubernetes: { enabled: false, namespaces: [] },
  };
}
