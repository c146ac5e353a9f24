import { type Consumer, type EachBatchPayload, type KafkaMessage } from 'kafkajs';
import { NodeError, type NodeContext } from '../node-kind.js';
import { type Window } from './bounds.js';
import { type Cluster } from './client.js';

/** How long nothing may come while there is more, in milliseconds: then something is wrong there. */
const SILENCE_MS = 30_000;

/** What is done with a message. */
export type TakeMessage = (message: KafkaMessage, partition: number) => Promise<void> | void;

/**
 * Reads exactly the given windows of a topic, in the order of each partition. The group is this attempt's own and commits
 * nothing: where reading goes on is the mark's to say.
 */
export async function readMessages(
  { run, task, signal }: NodeContext,
  cluster: Cluster,
  { topic, windows }: { topic: string; windows: readonly Window[] },
  take: TakeMessage,
): Promise<void> {
  const left = new Map(
    windows.filter(({ from, to }) => from < to).map((window) => [window.partition, window]),
  );
  if (left.size === 0) return;
  const consumer = cluster.client.consumer({
    groupId: `tauro-${run.id}-${task.node_id}-${task.claim_id}`,
    sessionTimeout: 30_000,
    maxWaitTimeInMs: 500,
    // One that fails is told, not begun anew behind our back.
    retry: { retries: 3, restartOnFailure: () => Promise.resolve(false) },
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      let heard = Date.now();
      const watch = setInterval(() => {
        if (signal.aborted) reject(signal.reason as Error);
        else if (Date.now() - heard > SILENCE_MS) reject(silence(topic, [...left.values()]));
      }, 250);
      const done = (error?: unknown): void => {
        clearInterval(watch);
        if (error === undefined) resolve();
        else reject(error as Error);
      };
      const eachBatch = async (payload: EachBatchPayload): Promise<void> => {
        const { batch } = payload;
        const window = left.get(batch.partition);
        if (!window) return;
        heard = Date.now();
        for (const [i, message] of batch.messages.entries()) {
          if (signal.aborted) return;
          const at = BigInt(message.offset);
          if (at >= window.from && at < window.to) await take(message, batch.partition);
          if (i % 1000 === 999) await payload.heartbeat();
        }
        heard = Date.now();
      };
      // Batches that hold nothing to hand on, such as the ends of transactions, are told only so.
      consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { partition, lastOffset } }) => {
        const window = left.get(partition);
        if (!window || BigInt(lastOffset) + 1n < window.to) return;
        left.delete(partition);
        consumer.pause([{ topic, partitions: [partition] }]);
        if (left.size === 0) done();
      });
      consumer.on(consumer.events.CRASH, ({ payload: { error } }) => done(error));
      consumer.run({ autoCommit: false, eachBatch: guarded(eachBatch, done) }).catch(done);
      begin(consumer, topic, windows);
    });
  } finally {
    await consumer.disconnect().catch(() => undefined);
  }
}

/** The client would try again what a message itself is to blame for. */
const guarded =
  (work: (payload: EachBatchPayload) => Promise<void>, done: (error: unknown) => void) =>
  (payload: EachBatchPayload): Promise<void> =>
    work(payload).catch(done);

function begin(consumer: Consumer, topic: string, windows: readonly Window[]): void {
  for (const { partition, from, to } of windows) {
    if (from < to) consumer.seek({ topic, partition, offset: String(from) });
    else consumer.pause([{ topic, partitions: [partition] }]);
  }
}

function silence(topic: string, left: readonly Window[]): NodeError {
  const [{ partition, to }] = left as [Window];
  const message = `topic '${topic}': nothing came for ${SILENCE_MS / 1000} s, though partition ${partition} goes up to ${to}; perhaps a transaction there is still open`;
  return new NodeError('ConnectionFailed', message);
}
