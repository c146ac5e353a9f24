import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  buildGraph,
  type Column,
  type JsonObject,
  type PipelineDefinition,
  renderConfig,
  type TemplateScope,
} from '@tauro/domain';
import { ArtifactStore } from '../artifacts.js';
import { type NodeContext, type NodeInput, type NodeKind, type NodeResult } from '../node-kind.js';
import { type NodeSettings } from '../settings.js';
import { NODE_KINDS } from '../registry.js';
import { checkRendered } from '../validation/node-config.js';
import { readTablePreview } from './preview.js';

type Outcome = NodeResult & { output: unknown };

/** Runs table nodes without an engine, in a folder of its own: for specs and the benchmark. */
export class NodeHarness {
  readonly logs: string[] = [];
  readonly progress: number[] = [];
  readonly results = new Map<string, Outcome>();

  private constructor(
    readonly root: string,
    readonly settings: NodeSettings,
    readonly artifacts: ArtifactStore,
  ) {}

  static async create(settings: Partial<NodeSettings> = {}): Promise<NodeHarness> {
    const root = await realpath(await mkdtemp(join(tmpdir(), 'tauro-nodes-')));
    const data = join(root, 'data');
    await mkdir(data);
    const duckdb = {
      memoryLimitMb: 512,
      threads: 2,
      maxTempDiskMb: 4096,
      tempDirectory: join(root, 'spill'),
    };
    return new NodeHarness(
      root,
      {
        dataRoots: [data],
        workingDirectory: data,
        duckdb,
        egressAllowPrivate: false,
        templateEnv: [],
        taskMemoryMb: 64,
        commands: {
          enabled: false,
          allowed: [],
          memoryMb: 256,
          processes: 16,
          fileMb: 64,
          openFiles: 256,
        },
        containers: { enabled: false, images: [], networks: [], memoryMb: 256, cpus: 1 },
        kubernetes: { enabled: false, namespaces: [] },
        ...settings,
      },
      new ArtifactStore(join(root, 'artifacts')),
    );
  }

  /** Writes a file below the working directory. */
  async file(path: string, content: string | Buffer): Promise<void> {
    const target = join(this.settings.workingDirectory, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content);
  }

  /** Executes a node with its config rendered, on what earlier nodes of this harness left. */
  async run(
    kind: NodeKind,
    id: string,
    config: JsonObject,
    {
      after = [],
      params = {},
      ...rest
    }: { after?: string[]; params?: JsonObject } & Partial<NodeContext> = {},
  ): Promise<Outcome> {
    const inputs = after.map((upstream): NodeInput => {
      const { output, ...made } = this.results.get(upstream)!;
      return {
        node_id: upstream,
        output: output as JsonObject,
        ...('table' in made && { table: made.table }),
      };
    });
    const isBound = (path: readonly (string | number)[]): boolean => kind.bound?.(path) ?? false;
    const result = await kind.execute({
      run: {
        id: 'run_1',
        project_id: 'proj_1',
        pipeline_id: 'pipe_1',
        pipeline_name: 'p',
        created_at: '',
        state: 'RUNNING',
        error: null,
      },
      params,
      tags: {},
      task: { id: `task_${id}`, node_id: id, attempt: 1, claim_id: randomUUID() },
      config: checkRendered(
        kind,
        renderConfig(config, this.scope(params), { isBound, at: `nodes.${id}.config` }),
      ),
      inputs,
      log: (level, message) => this.logs.push(`${level} ${message}`),
      progress: (fraction) => this.progress.push(fraction),
      signal: new AbortController().signal,
      artifacts: this.artifacts,
      settings: this.settings,
      handlers: { names: () => [], run: () => Promise.reject(new Error('no handlers here')) },
      commands: { run: () => Promise.reject(new Error('no commands here')) },
      adoptTable: () => Promise.reject(new Error('no commands here')),
      ...rest,
    });
    this.results.set(id, result);
    return result;
  }

  /** Makes a table of rows, as an inline source does. */
  async table(id: string, rows: JsonObject[], columns?: JsonObject): Promise<void> {
    const config = { source_type: 'inline', rows, ...(columns && { columns }) };
    await this.run(NODE_KINDS.get('source')!, id, config);
  }

  /** The rows that a processor makes of earlier tables. */
  async process(config: JsonObject, after: string[], params: JsonObject = {}): Promise<JsonObject[]> {
    await this.run(NODE_KINDS.get('processor')!, 'out', config, { after, params });
    return this.rows('out');
  }

  /** What `work` fails with, as `type: message`. */
  async failure(work: Promise<unknown>): Promise<string> {
    return work.then(
      () => 'no failure',
      (error: Error & { type?: string }) => `${error.type}: ${error.message}`,
    );
  }

  /** Executes all nodes of a pipeline, one after the other. */
  async pipeline(definition: PipelineDefinition, params: JsonObject = {}): Promise<void> {
    const graph = buildGraph(definition);
    for (const id of graph.order) {
      const { definition: node, parents } = graph.nodes.get(id)!;
      await this.run(NODE_KINDS.get(node.type)!, id, node.config ?? {}, { after: parents, params });
    }
  }

  private scope(params: JsonObject): TemplateScope {
    const nodes = Object.fromEntries([...this.results].map(([id, { output }]) => [id, { output }]));
    return { params, nodes } as unknown as TemplateScope;
  }

  /** The rows a node's table holds, as JSON. */
  async rows(id: string, limit = 1000): Promise<JsonObject[]> {
    const result = this.results.get(id);
    if (!result || !('table' in result) || !result.table) throw new Error(`node ${id} made no table`);
    return (await readTablePreview(this.artifacts.path(result.table.artifact), { limit })).rows;
  }

  columns(id: string): Column[] {
    const result = this.results.get(id);
    return result && 'table' in result ? (result.table?.columns ?? []) : [];
  }

  close(): Promise<void> {
    return rm(this.root, { recursive: true, force: true });
  }
}
