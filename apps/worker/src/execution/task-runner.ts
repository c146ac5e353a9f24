import { Inject, Injectable, Logger } from '@nestjs/common';
import { type Failure, type Run, type Task } from '@tauro/database';
import {
  asksOfItem,
  boundUses,
  ConditionError,
  type ConditionScope,
  type DatasetUse,
  evaluateCondition,
  MAIN,
  type MarkPlace,
  itemsFault,
  type Json,
  type JsonObject,
  type NodeDefinition,
  nodesInCondition,
  Redactor,
  renderConfig,
  TemplateError,
  templatesIn,
  type TemplateScope,
  type TemplateUse,
  withSecrets,
} from '@tauro/domain';
import {
  type ArtifactStore,
  checkRendered,
  type Commands,
  NODE_KINDS,
  type NodeContext,
  NodeError,
  type NodeInput,
  type NodeKind,
  type NodeResult,
  type NodeSettings,
  type OpenConnection,
  outputFault,
  type RunScope,
  type TaskHandlers,
} from '@tauro/nodes';
import {
  attemptTimeout,
  type Checked,
  CircuitOpen,
  type ClaimedTask,
  ConnectionReader,
  type NodeOutcome,
  type OpenSecret,
  type Outcome,
  PinnedConfigs,
  RunLogWriter,
  SecretReader,
  SourceMarks,
  TaskService,
  totalDeadline,
} from '@tauro/orchestration';
import { Env } from '@tauro/platform';
import { inSpan, traceparentOf } from '@tauro/tracing';
import { setTimeout as sleep } from 'node:timers/promises';
import { TablePool } from '../executors/table-pool.js';
import { ARTIFACTS, COMMANDS, HANDLERS, NODE_SETTINGS } from '../tokens.js';
import { WORKER_ID } from '../worker-id.js';
import { type InHand, type StopReason, TasksInHand } from './in-hand.js';
import { TargetGuard } from './target-guard.js';
import { NodeCache } from './node-cache.js';
import { assertSecretsMay, secretsInConfig } from './secret-references.js';
import { VariableReader } from './variable-reader.js';
import { metricsOf } from './task-flow.js';
import { TaskMetrics } from './task-metrics.js';
import { attemptSpan, kindOf, lineOf, tellOutcome } from './task-trace.js';

/** How long an executor may take to stop after it was told to; then it is left behind. */
const STOP_GRACE_MS = 5000;
const MAX_OUTPUT_BYTES = 65_536;
const PROGRESS_INTERVAL_MS = 1000;
/** A worker goes on with the tasks after the one it was given for this long; then others in the queue have their turn. */
const TURN_MS = 1000;

interface Surroundings {
  results: Map<string, NodeOutcome>;
  scope: ConditionScope & {
    run: RunScope & ConditionScope['run'];
    task: { id: string; node_id: string; attempt: number };
    env: Record<string, string>;
  };
  /** The same with marks in the place of secrets: for what is remembered. */
  marked: TemplateScope;
  /** Goes over everything that leaves the attempt. */
  redactor: Redactor;
}

const NOTHING_SECRET = new Redactor([]);

/** Executes one attempt: claim, render, run the node's executor under a time limit, settle. */
@Injectable()
export class TaskRunner {
  private readonly logger = new Logger(TaskRunner.name);

  constructor(
    private readonly tasks: TaskService,
    private readonly inHand: TasksInHand,
    private readonly logs: RunLogWriter,
    private readonly env: Env,
    private readonly metrics: TaskMetrics,
    @Inject(WORKER_ID) private readonly workerId: string,
    @Inject(HANDLERS) private readonly handlers: TaskHandlers,
    @Inject(COMMANDS) private readonly commands: Commands,
    private readonly tables: TablePool,
    private readonly guard: TargetGuard,
    private readonly cache: NodeCache,
    private readonly configs: PinnedConfigs,
    private readonly secrets: SecretReader,
    private readonly variables: VariableReader,
    private readonly connections: ConnectionReader,
    private readonly marks: SourceMarks,
    @Inject(ARTIFACTS) private readonly artifacts: ArtifactStore,
    @Inject(NODE_SETTINGS) private readonly settings: NodeSettings,
  ) {}

  /** Executes the task, and then what comes directly after it, for as long as its turn lasts. */
  async run(taskId: string, runId: string): Promise<void> {
    const turn = performance.now() + TURN_MS;
    let claimed = await this.tasks.claim(taskId, runId, this.workerId);
    while (claimed) claimed = await this.execute(claimed, () => performance.now() < turn);
  }

  /** @returns the task after it, when this worker goes on with one. */
  private async execute(claimed: ClaimedTask, mayGoOn: () => boolean): Promise<ClaimedTask | null> {
    const held = this.inHand.take(claimed);
    const started = performance.now();
    this.metrics.begin(claimed.node.type, claimed.task.queued_at);
    const span = attemptSpan(claimed, this.workerId);
    try {
      const outcome = await this.attempt(claimed, held, traceparentOf(span));
      held.ended = true;
      tellOutcome(span, outcome);
      this.logger.debug(lineOf(claimed), `attempt ${claimed.task.attempt}: ${kindOf(outcome)}`);
      this.metrics.observe(claimed.node.type, outcome, (performance.now() - started) / 1000);
      return await this.settle(
        held,
        outcome,
        (node) => mayGoOn() && this.inHand.accepting && this.canExecute(node),
      );
    } finally {
      span.end();
      this.inHand.release(claimed.claimId);
    }
  }

  /** Stores how the attempt ended; while the database is away it goes on trying for as long as the lease lasts. */
  private async settle(
    held: InHand,
    outcome: Outcome | 'hand back' | 'given up',
    accepts: (node: NodeDefinition) => boolean,
  ): Promise<ClaimedTask | null> {
    const { claimed } = held;
    for (let delay = 50; outcome !== 'given up'; delay = Math.min(delay * 2, 1000)) {
      try {
        if (outcome !== 'hand back') return await this.tasks.settleAndContinue(claimed, outcome, accepts);
        await this.tasks.handBack(claimed);
        return null;
      } catch (error) {
        const message = `${claimed.task._id}: not settled yet: ${(error as Error).message}`;
        this.logger.warn(lineOf(claimed), message);
        // The reconciler will queue it again, and another attempt does the work once more.
        if (!this.inHand.owns(held)) return null;
        await sleep(delay);
      }
    }
    return null;
  }

  private canExecute({ type, config, requires = [] }: NodeDefinition): boolean {
    if (!requires.every((tag) => this.env.WORKER_TAGS.includes(tag))) return false;
    return type !== 'task' || this.handlers.names().includes(String(config?.handler));
  }

  private async attempt(
    claimed: ClaimedTask,
    held: InHand,
    parent: string | undefined,
  ): Promise<Outcome | 'hand back' | 'given up'> {
    const { node } = claimed;
    const kind = NODE_KINDS.get(node.type);
    if (!kind) {
      return failure(
        new NodeError('UnknownNodeType', `this worker does not know node type '${node.type}'`, false),
      );
    }
    const { abort } = held;
    const limit = timeLimit(claimed, kind, this.env);
    if (limit.seconds <= 0) return timedOut(limit);
    const timer =
      limit.seconds < Infinity &&
      setTimeout(() => abort.abort('timeout' satisfies StopReason), limit.seconds * 1000);
    let redactor = NOTHING_SECRET;
    try {
      const surroundings = await this.surroundingsOf(claimed, kind);
      ({ redactor } = surroundings);
      const mapped = node.for_each !== undefined && claimed.task.index === null;
      // A condition that looks at the item is asked for each of them, another one once for the node.
      const asked = node.for_each === undefined || asksOfItem(node.when ?? '') !== mapped;
      if (node.when !== undefined && asked && !evaluateCondition(node.when, surroundings.scope)) {
        return { kind: 'skipped', why: `its condition is false: ${node.when}` };
      }
      if (mapped) return { kind: 'expand', items: itemsOf(node, surroundings.scope) };
      const connection = await this.connectionOf(claimed, kind, surroundings.scope);
      if (connection) redactor = redactor.and(Object.values(connection.secret));
      const given = this.contextOf(claimed, kind, { ...surroundings, redactor }, abort.signal, connection);
      const mark = await this.markOf(claimed, kind, given);
      const context: NodeContext = {
        ...given,
        ...(mark && { mark }),
        ...(limit.seconds < Infinity && { seconds: limit.seconds }),
      };
      const work = () =>
        inSpan(`node ${node.type}`, { parent }, (_span, traceparent) => {
          const traced = { ...context, ...(traceparent && { traceparent }) };
          return kind.isolated ? this.tables.execute(kind, traced) : kind.execute(traced);
        });
      const { marked } = surroundings;
      const config = redactor === NOTHING_SECRET ? context.config : this.rendered(claimed, kind, marked);
      const working = this.cache.through(claimed, kind, { ...context, config }, marked, async () => {
        const result = await this.guard.call(kind, context, () => stoppable(work(), abort.signal));
        return this.outcomeOf(node, kind, { ...context, mark }, result, redactor);
      });
      // The cache reads files too, which may take as long as they like.
      return await stoppable(working, abort.signal);
    } catch (error) {
      if (abort.signal.aborted) return stopped(abort.signal.reason as StopReason, limit);
      return failure(error, redactor);
    } finally {
      if (timer) clearTimeout(timer);
    }
  }

  /** What the node's templates and condition may name, and what stands before it has left. */
  private async surroundingsOf(
    { run, task, node, version }: ClaimedTask,
    kind: NodeKind,
  ): Promise<Surroundings> {
    const { parents } = version.graph.nodes.get(node.id)!;
    const templates = templatesIn(node.config ?? {}, { isBound: kind.bound?.bind(kind) });
    const others = templatesIn([node.for_each?.items ?? [], node.cache?.key ?? '']);
    const named = [...templates, ...others].flatMap(({ names }) =>
      names[0] === 'nodes' ? [String(names[1])] : [],
    );
    const conditional = node.when === undefined ? [] : nodesInCondition(node.when);
    const nodes = [...new Set([...parents, ...named, ...conditional])];
    const results = await this.tasks.results({ run }, nodes);
    const config = await this.configOf(run, [...templates, ...others]);
    const variables = await this.variables.read(run.project_id, [...templates, ...others]);
    const secrets = await this.secrets.open(run.project_id, [
      ...templates.flatMap(({ names }) => (names[0] === 'secrets' ? [String(names[1])] : [])),
      ...secretsInConfig(templates, config),
    ]);
    assertSecretsMay({ node, kind, templates, others }, config, secrets);
    const shown = (of: (secret: OpenSecret) => string): Pick<TemplateScope, 'config' | 'secrets'> => {
      const values = Object.fromEntries([...secrets].map(([name, secret]) => [name, of(secret)]));
      return { ...(config && { config: withSecrets(config, values) }), secrets: values };
    };
    const scope = {
      params: run.params,
      run: {
        id: run._id,
        project_id: run.project_id,
        pipeline_id: run.pipeline_id,
        pipeline_name: run.pipeline_name,
        created_at: run.created_at.toISOString(),
        ...standing(run, task),
        ...(run.scheduled_for && { scheduled_for: run.scheduled_for.toISOString() }),
        ...(run.data_interval_start && { data_interval_start: run.data_interval_start.toISOString() }),
        ...(run.data_interval_end && { data_interval_end: run.data_interval_end.toISOString() }),
      },
      task: { id: task._id, node_id: node.id, attempt: task.attempt },
      variables,
      ...(task.index !== null && { item: task.item as Json, index: task.index }),
      nodes: Object.fromEntries([...results].map(([id, { state, output }]) => [id, { state, output }])),
      env: Object.fromEntries(
        this.settings.templateEnv.flatMap((name) => {
          const value = process.env[name];
          return value === undefined ? [] : [[name, value]];
        }),
      ),
    };
    return {
      results,
      scope: { ...scope, ...shown(({ value }) => value) },
      marked: { ...scope, ...shown(({ mark }) => mark) },
      redactor:
        secrets.size === 0 ? NOTHING_SECRET : new Redactor([...secrets.values()].map(({ value }) => value)),
    };
  }

  /** What the run is pinned to, when a template asks for it. */
  private async configOf(run: Run, templates: TemplateUse[]): Promise<JsonObject | undefined> {
    const asked = templates.some(({ names }) => names[0] === 'config');
    return asked && run.config_version_id ? this.configs.get(run.config_version_id) : undefined;
  }

  /** The connection that the node's config names. */
  private async connectionOf(
    { run, node }: ClaimedTask,
    kind: NodeKind,
    scope: TemplateScope,
  ): Promise<OpenConnection | undefined> {
    const use = kind.connection?.(node.config ?? {});
    if (!use) return undefined;
    const { name } = renderConfig({ name: use.name as Json }, scope, {
      at: `nodes.${node.id}.config.connection`,
    });
    return this.connections.named(run.project_id, String(name), use.kind);
  }

  /** Where the node's source stands, when it reads only what is new. */
  private async markOf(
    { run, node }: ClaimedTask,
    kind: NodeKind,
    { config }: NodeContext,
  ): Promise<MarkPlace | undefined> {
    const by = kind.incremental?.(config);
    return by === undefined ? undefined : this.marks.read(run, node.id, by);
  }

  private contextOf(
    claimed: ClaimedTask,
    kind: NodeKind,
    { scope, results, redactor }: Surroundings,
    signal: AbortSignal,
    connection: OpenConnection | undefined,
  ): NodeContext {
    const { run, task, node, version, claimId } = claimed;
    const origin = { task_id: task._id, node_id: node.id, attempt: task.attempt };
    // What a template has put in has not been checked before.
    const config = checkRendered(kind, this.rendered(claimed, kind, scope));
    const context: NodeContext = {
      run: scope.run,
      params: run.params,
      tags: run.tags,
      task: { ...scope.task, ...(task.index !== null && { index: task.index }), claim_id: claimId },
      config,
      ...(connection && { connection }),
      inputs: version.graph.nodes.get(node.id)!.parents.flatMap((id): NodeInput[] => {
        const left = results.get(id);
        return left ? [{ node_id: id, output: left.output, ...(left.table && { table: left.table }) }] : [];
      }),
      log: (level, message) => this.logs.append(run._id, origin, level, redactor.text(message)),
      progress: this.progressOf(task._id, claimId),
      signal,
      artifacts: this.artifacts,
      settings: this.settings,
      handlers: this.handlers,
      commands: this.commands,
      adoptTable: (file) => this.tables.adopt(kind, file, context),
    };
    return context;
  }

  private rendered({ node }: ClaimedTask, kind: NodeKind, scope: TemplateScope): NodeContext['config'] {
    const at = `nodes.${node.id}.config`;
    return renderConfig(node.config ?? {}, scope, { isBound: kind.bound?.bind(kind), at });
  }

  /** Stores progress at most once a second: it is for people. */
  private progressOf(taskId: string, claimId: string): (fraction: number) => void {
    let last = 0;
    return (fraction) => {
      const now = performance.now();
      if (now - last < PROGRESS_INTERVAL_MS || !Number.isFinite(fraction)) return;
      last = now;
      this.tasks.progress(taskId, claimId, fraction).catch(() => undefined);
    };
  }

  private outcomeOf(
    node: NodeDefinition,
    kind: NodeKind,
    { inputs, mark }: Pick<NodeContext, 'inputs'> & { mark?: MarkPlace },
    result: NodeResult,
    redactor: Redactor,
  ): Outcome {
    if ('approval' in result) return { kind: 'approval', ...result.approval };
    if ('sub_run' in result) return { kind: 'sub_run', ...result.sub_run };
    const checked = 'quality' in result || 'quarantine' in result ? checkedOf(result, redactor) : {};
    if ('failed' in result) {
      const { type, message } = result.failed;
      return { ...failure(new NodeError(type, message, false), redactor), ...checked };
    }
    const output = redactor.json(result.output ?? null);
    const bytes = Buffer.byteLength(JSON.stringify(output));
    if (bytes > MAX_OUTPUT_BYTES) {
      const message = `the output has ${bytes} bytes, ${MAX_OUTPUT_BYTES} are allowed: write large data to a file or a table`;
      return failure(new NodeError('OutputTooLarge', message, false));
    }
    const unlike = outputFault(node, output);
    if (unlike) {
      return failure(new NodeError('InvalidOutput', `the output is not as declared: ${unlike}`, false));
    }
    if ('wait_until' in result) return { kind: 'wait', until: result.wait_until, output };
    const { table, datasets = [] } = result;
    // A path may have been made of a secret.
    const told = redactor.json(boundUses(datasets) as unknown as Json) as unknown as DatasetUse[];
    return {
      kind: 'success',
      output,
      table,
      metrics: metricsOf(kind, inputs, result),
      datasets: told,
      ...(mark && result.mark !== undefined && { mark: { ...mark, value: result.mark } }),
      ...checked,
    };
  }
}

/** Of rows, samples may have anything that an attempt was given. */
function checkedOf({ quality, quarantine }: Checked, redactor: Redactor): Checked {
  const told = quality && (redactor.json(quality as unknown as Json) as unknown as Checked['quality']);
  return { ...(told && { quality: told }), ...(quarantine && { quarantine }) };
}

/** What a mapped node is to run for. @throws NodeError when that is no list, or too large a one. */
function itemsOf({ id, for_each }: NodeDefinition, scope: TemplateScope): Json[] {
  const { params, config, run, nodes } = scope;
  const at = `nodes.${id}.for_each`;
  const { items } = renderConfig({ items: for_each!.items }, { params, config, run, nodes }, { at });
  const fault = itemsFault(items);
  if (fault !== undefined) throw new NodeError('InvalidItems', `${at}.items ${fault}`, false);
  return items as Json[];
}

/** The executor's result, or a rejection soon after the signal even if the executor does not listen to it. */
async function stoppable<T>(working: Promise<T>, signal: AbortSignal): Promise<T> {
  const left = new AbortController();
  const abandoned = new Promise<never>((_, reject) => {
    const giveUp = (): void => {
      sleep(STOP_GRACE_MS, undefined, { signal: left.signal }).then(
        () => reject(new Error('did not stop in time')),
        () => undefined,
      );
    };
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true, signal: left.signal });
  });
  try {
    return await Promise.race([working, abandoned]);
  } finally {
    left.abort();
  }
}

/** How the run stands, as its nodes see it: those of a later stage know how the main ones ended. */
function standing(
  { engine: { outcome } }: Run,
  { engine: { stage } }: Task,
): Pick<RunScope, 'state' | 'error'> {
  if (stage === MAIN || !outcome) return { state: 'RUNNING', error: null };
  const { error } = outcome;
  return {
    state: outcome.state as RunScope['state'],
    error: error && { type: error.type, message: error.message, node_id: error.node_id ?? null },
  };
}

interface TimeLimit {
  /** What the attempt may still take; Infinity for no limit. */
  seconds: number;
  /** Which limit that is, for people. */
  what: string;
}

/** The nearer of what one attempt may take and what is left for all of them. */
function timeLimit({ node, task, version }: ClaimedTask, kind: NodeKind, env: Env): TimeLimit {
  const seconds = attemptTimeout(node, version.definition, kind, env) ?? Infinity;
  const left = ((totalDeadline(node, task)?.getTime() ?? Infinity) - Date.now()) / 1000;
  return left < seconds
    ? { seconds: left, what: `its total_timeout_seconds of ${node.total_timeout_seconds} s` }
    : { seconds, what: `its ${seconds} s` };
}

const timedOut = ({ what }: TimeLimit): Outcome =>
  failure(new NodeError('Timeout', `took longer than ${what}`, true));

function stopped(reason: StopReason, limit: TimeLimit): Outcome | 'hand back' | 'given up' {
  switch (reason) {
    case 'cancelled':
      return { kind: 'cancelled' };
    case 'timeout':
      return timedOut(limit);
    case 'worker stops':
      return 'hand back';
    case 'claim lost':
      return 'given up';
  }
}

function failure(error: unknown, redactor = NOTHING_SECRET): Outcome {
  if (error instanceof CircuitOpen) {
    return { kind: 'postponed', until: error.until, why: redactor.text(error.message) };
  }
  // What the definition got wrong stays wrong however often it is tried.
  const authored = error instanceof TemplateError || error instanceof ConditionError;
  const retryable = !authored && !(error instanceof NodeError && !error.retryable);
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const type = redactor.text(error instanceof NodeError ? error.type : name);
  return { kind: 'failure', error: { type, message: redactor.text(message) } satisfies Failure, retryable };
}
