import {
  type ConditionScope,
  ConditionError,
  evaluateCondition,
  executes,
  FINALLY,
  isRepeated,
  type JsonObject,
  MAIN,
  type NodeDefinition,
  type PipelineDefinition,
  type PipelineGraph,
  renderConfig,
  type RetryPolicy,
  TemplateError,
  verdictOf,
} from '@tauro/domain';
import {
  checkRendered,
  type Done,
  NODE_KINDS,
  type NodeContext,
  NodeError,
  type NodeInput,
  outputFault,
  type TableRef,
} from '@tauro/nodes';
import { handlersHere } from './handlers.js';
import { type NodeGiven, type NodeRun, type PipelineRun } from './pipeline-run.js';
import { attemptOf, type LogLine, type Workbench } from './workbench.js';

/** What templates and conditions may name, beside the nodes. */
interface Scope {
  params: JsonObject;
  run: NodeContext['run'];
  variables: JsonObject;
  secrets: Record<string, string>;
  env: Record<string, string>;
  config?: JsonObject;
}

type Failure = NonNullable<NodeRun['error']> & { retryable: boolean };

const MAX_OUTPUT_BYTES = 65_536;
/** As a deployment without settings of its own has it. */
const DEFAULT_ATTEMPTS = 3;

/** Executes the nodes of one run in the order of their graph, one at a time. */
export class PipelineRunner {
  readonly results: Record<string, NodeRun> = {};
  private readonly tables = new Map<string, TableRef>();
  private readonly given = new Set<string>();
  error: PipelineRun['error'] = null;

  constructor(
    private readonly definition: PipelineDefinition,
    private readonly graph: PipelineGraph,
    private readonly bench: Workbench,
    private readonly signal: AbortSignal,
    private readonly scope: Scope,
  ) {}

  /** Says what a node leaves, so that it is not executed. */
  async give(id: string, what: NodeGiven): Promise<void> {
    this.given.add(id);
    const run: NodeRun = { state: 'SUCCESS', attempts: 0, output: null, error: null, logs: [] };
    if ('output' in what) run.output = what.output;
    else {
      const { rows, bytes, columns } = await this.keep(id, what.table, run);
      run.output = { rows, bytes, columns: columns.map(({ name, type }) => ({ name, type })) };
    }
    this.results[id] = run;
  }

  /** Stage by stage: the main nodes, those for a failure, those for the end. */
  async run(): Promise<void> {
    for (let stage = MAIN; stage <= FINALLY; stage++) {
      const state = this.error ? 'FAILED' : 'SUCCESS';
      if (stage > MAIN) Object.assign(this.scope.run, { state, error: this.error });
      for (const id of this.graph.order.filter((one) => this.graph.nodes.get(one)!.stage === stage)) {
        this.signal.throwIfAborted();
        if (this.given.has(id)) continue;
        this.results[id] = executes(stage, state) ? await this.node(id) : ended('SKIPPED');
        const { error } = this.results[id];
        const counts = stage === MAIN && error && !this.graph.nodes.get(id)!.definition.allow_failure;
        if (counts) this.error ??= { ...error, node_id: id };
      }
    }
  }

  private async node(id: string): Promise<NodeRun> {
    const { definition: node, parents } = this.graph.nodes.get(id)!;
    const before = parents.map((one) => ({
      state: this.results[one]!.state,
      definition: this.graph.nodes.get(one)!.definition,
    }));
    const verdict = verdictOf(node, before);
    if (verdict !== 'run') return ended(verdict);
    const policy: RetryPolicy = {
      max_attempts: DEFAULT_ATTEMPTS,
      ...this.definition.config?.retry_policy,
      ...node.retry_policy,
    };
    const logs: LogLine[] = [];
    for (let attempts = 1; ; attempts++) {
      try {
        if (node.when !== undefined && !evaluateCondition(node.when, this.seen as ConditionScope)) {
          return { ...ended('SKIPPED'), logs };
        }
        const done = await this.attempt(node, parents, attempts, logs);
        const result: NodeRun = { state: 'SUCCESS', attempts, output: done.output, error: null, logs };
        if (done.table) await this.show(id, done.table, result);
        return result;
      } catch (thrown) {
        this.signal.throwIfAborted();
        const { retryable, ...error } = failureOf(thrown);
        if (attempts < policy.max_attempts! && isRepeated(policy, error.type, retryable)) continue;
        return { state: 'FAILED', attempts, output: null, error, logs };
      }
    }
  }

  private async attempt(
    node: NodeDefinition,
    parents: string[],
    attempt: number,
    logs: LogLine[],
  ): Promise<Done> {
    const kind = NODE_KINDS.get(node.type)!;
    const task = attemptOf(node.id, attempt);
    const at = `nodes.${node.id}.config`;
    const scope = { ...this.seen, task: { id: task.id, node_id: node.id, attempt } };
    const config = renderConfig(node.config ?? {}, scope, { isBound: kind.bound?.bind(kind), at });
    const context = this.bench.context({
      run: this.scope.run,
      params: this.scope.params,
      task,
      config: checkRendered(kind, config),
      inputs: parents.map((id): NodeInput => {
        const table = this.tables.get(id);
        return { node_id: id, output: this.results[id]!.output, ...(table && { table }) };
      }),
      log: (level, message) => void logs.push({ level, message }),
      signal: this.signal,
      handlers: handlersHere,
    });
    const result = await kind.execute(context);
    if ('failed' in result) throw new NodeError(result.failed.type, result.failed.message, false);
    const { output } = result;
    const bytes = Buffer.byteLength(JSON.stringify(output));
    if (bytes > MAX_OUTPUT_BYTES) {
      throw new NodeError(
        'OutputTooLarge',
        `the output has ${bytes} bytes, ${MAX_OUTPUT_BYTES} are allowed`,
        false,
      );
    }
    const unlike = outputFault(node, output);
    if (unlike) throw new NodeError('InvalidOutput', `the output is not as declared: ${unlike}`, false);
    return result as Done;
  }

  private get seen(): object {
    const nodes = Object.fromEntries(
      Object.entries(this.results).map(([id, { state, output }]) => [id, { state, output }]),
    );
    return { ...this.scope, nodes };
  }

  private async keep(
    id: string,
    given: Extract<NodeGiven, { table: unknown }>['table'],
    into: NodeRun,
  ): Promise<TableRef> {
    const table = await this.bench.make(id, given, { run: this.scope.run, signal: this.signal });
    await this.show(id, table, into);
    return table;
  }

  private async show(id: string, table: TableRef, into: NodeRun): Promise<void> {
    this.tables.set(id, table);
    into.table = await this.bench.read(table);
  }
}

const ended = (state: NodeRun['state']): NodeRun => ({
  state,
  attempts: 0,
  output: null,
  error: null,
  logs: [],
});

function failureOf(thrown: unknown): Failure {
  const { name, message } = thrown instanceof Error ? thrown : new Error(String(thrown));
  const authored = thrown instanceof TemplateError || thrown instanceof ConditionError;
  const final = (thrown as { retryable?: unknown } | null)?.retryable === false;
  return { type: thrown instanceof NodeError ? thrown.type : name, message, retryable: !authored && !final };
}
