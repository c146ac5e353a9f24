import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type V1Pod } from '@kubernetes/client-node';
import { type CommandEnd, type CommandSettings } from '@tauro/nodes';
import { type CallContext } from '@tauro/processes';
import { OutputLines } from '../output-lines.js';
import { LABELS } from '../run-container.js';
import { type RunningCommand } from '../run-command.js';
import { answered, type Cluster } from './cluster.js';
import { fault, inWords, isPassing } from './cluster-faults.js';
import { type JobCommand, jobName, manifestOf, type Owner } from './job-manifest.js';
import { createJob, endJob, type JobPlace, readJob } from './jobs.js';
import { PodLogs } from './pod-logs.js';
import { givenUp, type PodState, stateOf } from './pod-state.js';

/** How long the cluster may be away while a Job runs in it. */
const PATIENCE_MS = 60_000;
const AGAIN_MS = 1000;
/** How long nothing has to happen until it is looked again, with a pod and without one. */
const LOOK_SECONDS = 30;
const LOOK_FOR_POD_SECONDS = 3;

/** Runs a program as a Job of its own, which is deleted whatever happens. */
export async function runJob(
  cluster: Cluster,
  command: JobCommand,
  owner: Owner,
  limits: CommandSettings,
  context: CallContext,
  onStart: (running: RunningCommand) => void,
): Promise<CommandEnd> {
  const { signal } = context;
  const { namespace, task_id, input } = command.job;
  const place: JobPlace = { namespace, name: jobName(task_id) };
  let asked = false;
  const end = async (): Promise<void> => {
    if (asked) await endJob(cluster, place, owner.claim_id).catch(() => undefined);
  };
  onStart({ kill: end });
  const stop = (): void => void end();
  signal.addEventListener('abort', stop);
  const job = new RunningJob(cluster, place, owner, context);
  try {
    signal.throwIfAborted();
    const manifest = manifestOf(command, readFileSync(input, 'utf8'), owner, limits);
    asked = true;
    await createJob(cluster, manifest, context);
    // Told while it was made, it was not there yet.
    if (signal.aborted) await end();
    const state = await job.ended();
    return await endOf(state, job.logs!, command.output, context);
  } catch (error) {
    signal.throwIfAborted();
    throw inWords(error);
  } finally {
    signal.removeEventListener('abort', stop);
    job.logs?.leave();
    await end();
  }
}

type Ended = PodState & { kind: 'ended' };

/** What is left of a command that has ended. */
async function endOf(
  { code, reason, message }: Ended,
  logs: PodLogs,
  output: string,
  context: CallContext,
): Promise<CommandEnd> {
  await logs.end();
  writeFileSync(output, message);
  const lines = new OutputLines(output, context);
  lines.end();
  const { value, table } = lines;
  const noTable = table && 'a command on Kubernetes cannot hand on a table: write it to a store';
  return {
    exit_code: code,
    signal: null,
    stdout: logs.stdout.value,
    last_error: logs.lastLine.value,
    value,
    fault: lines.fault ?? noTable,
    outgrown: reason === 'OOMKilled' ? 'memory' : undefined,
  };
}

/** A Job that was made, and what is known of it. */
class RunningJob {
  logs?: PodLogs;
  private told = '';

  constructor(
    private readonly cluster: Cluster,
    private readonly place: JobPlace,
    private readonly owner: Owner,
    private readonly context: CallContext,
  ) {}

  /** Resolves when its program has ended. The cluster may be away for a while. @throws Error when it will not end */
  async ended(): Promise<Ended> {
    for (let away: number | undefined; ;) {
      try {
        const found = await this.look();
        if (found.state?.kind === 'ended') return found.state;
        away = undefined;
        await this.change(found.version, found.state ? LOOK_SECONDS : LOOK_FOR_POD_SECONDS);
      } catch (error) {
        if (error instanceof Settled) throw error.reason;
        if (!isPassing(error)) throw error;
        if (away === undefined) this.context.log('WARNING', `${inWords(error).message}; trying again`);
        away ??= performance.now();
        if (performance.now() - away > PATIENCE_MS) throw error;
        await sleep(AGAIN_MS);
      }
    }
  }

  /** How far it is now. @throws Settled when that is the end of it */
  private async look(): Promise<{ state?: PodState; version?: string }> {
    const { items, metadata } = await answered(
      this.cluster.pods.listNamespacedPod({ namespace: this.place.namespace, labelSelector: this.selector }),
    );
    const [pod] = items;
    const state = pod && stateOf(pod);
    if (state?.kind === 'ended') {
      this.listen(pod!);
      return { state };
    }
    if (state?.kind === 'failed') throw new Settled(state.error);
    if (!pod || pod.metadata?.deletionTimestamp) await this.lookAtJob(pod);
    if (state?.kind === 'running') this.listen(pod!);
    if (state?.kind === 'waiting' && state.why && state.why !== this.told) {
      this.context.log('WARNING', (this.told = state.why));
    }
    return { ...(state && { state }), version: metadata?.resourceVersion };
  }

  private async lookAtJob(pod: V1Pod | undefined): Promise<void> {
    const job = await readJob(this.cluster, this.place);
    const { signal } = this.context;
    if (signal.aborted && !pod && (!job || job.metadata?.deletionTimestamp)) {
      throw new Settled(signal.reason as Error);
    }
    if (!job && !pod) {
      throw new Settled(fault('CommandFailed', 'somebody has deleted the Job of the command', true));
    }
    const error = job && givenUp(job);
    if (error) throw new Settled(error);
  }

  private listen({ metadata }: V1Pod): void {
    const { namespace } = this.place;
    this.logs ??= new PodLogs(this.cluster, { namespace, name: metadata!.name! }, this.context);
  }

  /** Resolves when something has happened to its pod since, or nothing for long. */
  private change(resourceVersion: string | undefined, timeoutSeconds: number): Promise<void> {
    const { namespace } = this.place;
    return new Promise((resolve, reject) => {
      const over = new AbortController();
      const timer = setTimeout(() => leave(), (timeoutSeconds + 5) * 1000);
      const leave = (): void => {
        clearTimeout(timer);
        over.abort();
        resolve();
      };
      const fail = (error: Error & { statusCode?: number }): void => {
        // Too long ago: it is looked again.
        if (error.name === 'AbortError' || error.statusCode === 410) return leave();
        clearTimeout(timer);
        const { statusCode: code = 'WATCH', message } = error;
        reject(Object.assign(error, { code, body: { message: `watching pods: ${message}` } }));
      };
      this.cluster.watch
        .watch(
          `/api/v1/namespaces/${namespace}/pods`,
          { labelSelector: this.selector, resourceVersion, timeoutSeconds },
          leave,
          (error: Error | null) => (error ? fail(error) : leave()),
        )
        .then((request) => {
          if (over.signal.aborted) request.abort();
          else over.signal.addEventListener('abort', () => request.abort());
        }, fail);
    });
  }

  private get selector(): string {
    return `${LABELS.claim}=${this.owner.claim_id}`;
  }
}

/** Ends the waiting, for a reason. */
class Settled extends Error {
  constructor(readonly reason: Error) {
    super(reason.message);
  }
}
