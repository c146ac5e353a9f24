import { setTimeout as sleep } from 'node:timers/promises';
import { type JsonObject } from '@tauro/domain';
import { type Batch, Livy, NameTaken } from '../livy/livy.js';
import { NodeError, type NodeContext, type NodeResult } from '../node-kind.js';
import { LogTail } from './log-tail.js';

/** States after which nothing more comes, and what they mean. */
const ENDS: ReadonlySet<string> = new Set(['success', 'error', 'dead', 'killed']);
/** How often it is asked: at first, and at most. */
const FIRST_MS = 500;
const SLOWEST_MS = 5000;
/** How long Livy may be away while a batch runs. */
const PATIENCE_MS = 120_000;
/** An attempt that is stopped for one of these must not leave its batch behind; after others the next one takes it over. */
const KILLING: ReadonlySet<unknown> = new Set(['cancelled', 'timeout']);

/** Runs the application of a node's config to its end. */
export async function runBatch(context: NodeContext): Promise<NodeResult> {
  const { signal } = context;
  const livy = new Livy(context.connection!, context.settings.egressAllowPrivate);
  const batch = await take(livy, context);
  try {
    return resultOf(await follow(livy, batch, context));
  } catch (error) {
    if (signal.aborted && KILLING.has(signal.reason)) await livy.remove(batch.id).catch(() => undefined);
    throw error;
  }
}

/**
 * The batch of this task: one that an attempt before has left, or a new one. Its name is the task's, with a number that only
 * failed batches raise, and Livy has no two of one name: so an application is not submitted twice, whoever dies when.
 */
async function take(livy: Livy, context: NodeContext): Promise<Batch> {
  const { signal, task } = context;
  const beginning = `tauro-${task.id}-`;
  for (let lost: unknown; ;) {
    const found = (await livy.named(beginning, signal)).sort((a, b) => a.id - b.id);
    const last = found.at(-1);
    if (last && (last.state === 'success' || !ENDS.has(last.state))) {
      context.log('INFO', `goes on with batch ${last.id}, which was submitted before`);
      return last;
    }
    // It was not submitted, then.
    if (lost) throw lost as NodeError;
    const name = `${beginning}${1 + Math.max(0, ...found.map((one) => Number(one.name!.slice(beginning.length))))}`;
    signal.throwIfAborted();
    try {
      // Not with the signal of the attempt: what may have been submitted has to be known, to be ended.
      const made = await livy.submit(requestOf(context.config, name));
      context.log('INFO', `submitted batch ${made.id} (${name})`);
      return made;
    } catch (error) {
      const unknown = error instanceof NodeError && error.type === 'ConnectionFailed';
      if (unknown) lost = error;
      else if (!(error instanceof NameTaken)) throw error;
      // The answer was lost, or somebody was faster: it is looked for.
      await sleep(FIRST_MS, undefined, { signal });
    }
  }
}

/** In the words of Livy. */
function requestOf(config: NodeContext['config'], name: string): JsonObject & { name: string } {
  const { file, conf, args, ...rest } = config as { [key: string]: never } & {
    conf?: object;
    args?: unknown[];
  };
  const texts = Object.entries(conf ?? {}).map(([key, value]) => [key, String(value)]);
  const named: Record<string, string> = {
    class_name: 'className',
    jars: 'jars',
    py_files: 'pyFiles',
    files: 'files',
    archives: 'archives',
    driver_memory: 'driverMemory',
    driver_cores: 'driverCores',
    executor_memory: 'executorMemory',
    executor_cores: 'executorCores',
    num_executors: 'numExecutors',
    queue: 'queue',
    proxy_user: 'proxyUser',
  };
  return {
    name,
    file: file!,
    args: (args ?? []).map(String),
    ...(texts.length > 0 && { conf: Object.fromEntries(texts) as JsonObject }),
    ...Object.fromEntries(
      Object.entries(named).flatMap(([ours, theirs]) =>
        rest[ours] === undefined ? [] : [[theirs, rest[ours]]],
      ),
    ),
  };
}

/** The batch once it has ended. What is printed meanwhile goes to the log. */
async function follow(livy: Livy, { id }: Batch, context: NodeContext): Promise<Batch> {
  const { signal } = context;
  const tail = new LogTail();
  let told = '';
  let away: number | undefined;
  for (let pause = FIRST_MS; ; pause = Math.min(pause * 1.5, SLOWEST_MS)) {
    try {
      const batch = await livy.batch(id, signal);
      if (!batch) throw forgotten(id);
      for (const { level, message } of tail.take(await livy.log(id, signal))) context.log(level, message);
      if (batch.appId && batch.appId !== told) context.log('INFO', `batch ${id} is ${(told = batch.appId)}`);
      if (ENDS.has(batch.state)) return batch;
      away = undefined;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof NodeError) || error.type !== 'ConnectionFailed' || !error.retryable) throw error;
      if (away === undefined) context.log('WARNING', `${error.message}; asking again`);
      away ??= performance.now();
      if (performance.now() - away > PATIENCE_MS) throw error;
    }
    await sleep(pause, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** Another attempt could run beside what may still run, so there is none. */
const forgotten = (id: number): NodeError =>
  new NodeError(
    'SparkFailed',
    `Livy does not know batch ${id} any more: it was deleted, or Livy was started again without recovery. Whether its application still runs is not known`,
    false,
  );

function resultOf({ id, state, appId, appInfo }: Batch): NodeResult {
  const application = appId ? ` (${appId})` : '';
  if (state !== 'success') {
    const message = `batch ${id}${application} ended ${state}; the log of the task has its last lines`;
    // What somebody has killed is not for us to begin again.
    throw new NodeError('SparkFailed', message, state !== 'killed');
  }
  return {
    output: {
      batch_id: id,
      state,
      app_id: appId ?? null,
      spark_ui_url: appInfo?.sparkUiUrl ?? null,
      driver_log_url: appInfo?.driverLogUrl ?? null,
    },
  };
}
