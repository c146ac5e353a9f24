import cluster from 'node:cluster';
import { AggregatorRegistry, register } from 'prom-client';

/*
 * With WORKERS > 1 a scrape reaches one process by chance, but is about all of them: the process asks the
 * primary, which collects from every one and adds up.
 */

interface Ask {
  type: 'tauro:metrics:ask';
  id: number;
}
interface Answer {
  type: 'tauro:metrics:answer';
  id: number;
  text?: string;
}

/** The primary's part: answers what its processes ask. */
export function serveClusterMetrics(): void {
  const aggregator = new AggregatorRegistry();
  cluster.on('message', (worker, message: Partial<Ask>) => {
    if (message.type !== 'tauro:metrics:ask') return;
    const answer = (text?: string): void => {
      if (worker.isConnected()) worker.send({ type: 'tauro:metrics:answer', id: message.id, text });
    };
    aggregator.clusterMetrics().then(answer, () => answer());
  });
}

const TIMEOUT_MS = 8000;
const waiting = new Map<number, (text?: string) => void>();
let asked = 0;

/** The part of each process: lets itself be collected, and hears the primary's answers. Once all metrics exist. */
export function joinClusterMetrics(): void {
  if (!cluster.isWorker) return;
  new AggregatorRegistry();
  process.on('message', (message: Partial<Answer>) => {
    if (message.type === 'tauro:metrics:answer') waiting.get(message.id!)?.(message.text);
  });
}

/** The metrics of all processes of this host; of this one alone when there is no other, or none can tell. */
export async function allMetrics(): Promise<string> {
  const text = cluster.isWorker ? await askPrimary() : undefined;
  return text ?? register.metrics();
}

async function askPrimary(): Promise<string | undefined> {
  const id = ++asked;
  const answer = new Promise<string | undefined>((resolve) => waiting.set(id, resolve));
  const timer = setTimeout(() => waiting.get(id)?.(), TIMEOUT_MS);
  process.send!({ type: 'tauro:metrics:ask', id } satisfies Ask);
  const text = await answer;
  clearTimeout(timer);
  waiting.delete(id);
  return text;
}
