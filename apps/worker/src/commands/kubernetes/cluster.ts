import { type BatchV1Api, type CoreV1Api, type Log, type Watch } from '@kubernetes/client-node';
import { clusterFault } from './cluster-faults.js';

/** The cluster that KUBECONFIG names, or the one this worker is in. */
export interface Cluster {
  jobs: BatchV1Api;
  pods: CoreV1Api;
  logs: Log;
  watch: Watch;
}

/** How long an answer may take; the client itself would wait forever. */
const ANSWER_MS = 20_000;

/** The official client takes a second and 70 MB to load: only the process beside a Job does. */
export async function openCluster(): Promise<Cluster> {
  const { BatchV1Api, CoreV1Api, KubeConfig, Log, Watch } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    config.loadFromDefault();
    return {
      jobs: config.makeApiClient(BatchV1Api),
      pods: config.makeApiClient(CoreV1Api),
      logs: new Log(config),
      watch: new Watch(config),
    };
  } catch (error) {
    // What the parser says may quote the file, and so what is secret in it.
    const { code } = error as NodeJS.ErrnoException;
    throw clusterFault(
      `the cluster is not known: KUBECONFIG cannot be read${code ? ` (${code})` : ''}`,
      false,
    );
  }
}

/** The answer to a call, in time. */
export async function answered<T>(call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = Object.assign(new Error(`no answer within ${ANSWER_MS / 1000} s`), { code: 'ETIMEDOUT' });
    timer = setTimeout(() => reject(error), ANSWER_MS);
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The status of an answer that refuses; undefined when there was no answer. */
export const statusOf = (error: unknown): number | undefined => {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'number' ? code : undefined;
};
