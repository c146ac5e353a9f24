import { setTimeout as sleep } from 'node:timers/promises';
import { type V1Job } from '@kubernetes/client-node';
import { type CallContext } from '@tauro/processes';
import { type FoundContainer } from '../../executors/command-protocol.js';
import { LABELS } from '../run-container.js';
import { answered, type Cluster, statusOf } from './cluster.js';
import { clusterFault } from './cluster-faults.js';
import { labelOf } from './job-manifest.js';

const AGAIN_MS = 250;

/** Where a Job is. */
export interface JobPlace {
  namespace: string;
  name: string;
}

/** The Job; undefined when there is none. */
export async function readJob({ jobs }: Cluster, place: JobPlace): Promise<V1Job | undefined> {
  try {
    return await answered(jobs.readNamespacedJob(place));
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** Ends a Job with its pods; its name is free once the last of them is gone. One that is gone already is fine. */
async function deleteJob({ jobs }: Cluster, place: JobPlace, uid: string | undefined): Promise<void> {
  // An attempt has the name of the one before.
  const body = { propagationPolicy: 'Foreground', ...(uid && { preconditions: { uid } }) };
  await answered(jobs.deleteNamespacedJob({ ...place, body })).catch((error: unknown) => {
    // Gone, or another one by now.
    if (statusOf(error) !== 404 && statusOf(error) !== 409) throw error;
  });
}

/** Ends the Job of a claim, and of no other. */
export async function endJob(cluster: Cluster, place: JobPlace, claim_id: string): Promise<void> {
  const { metadata } = (await readJob(cluster, place)) ?? {};
  if (metadata?.labels?.[LABELS.claim] === claim_id) await deleteJob(cluster, place, metadata.uid);
}

/** Makes the Job. What an attempt before has left of its name is ended first, and waited for. */
export async function createJob(cluster: Cluster, job: V1Job, context: CallContext): Promise<void> {
  const { namespace, name, labels } = job.metadata as { namespace: string; name: string; labels: Labels };
  for (let told = false; ;) {
    try {
      await answered(cluster.jobs.createNamespacedJob({ namespace, body: job }));
      return;
    } catch (error) {
      if (statusOf(error) !== 409) throw error;
    }
    const there = await readJob(cluster, { namespace, name });
    const of = there?.metadata?.labels ?? {};
    if (there && of[LABELS.deployment] !== labels[LABELS.deployment]) {
      throw clusterFault(
        `the namespace '${namespace}' has a Job '${name}' that is not of this deployment`,
        false,
      );
    }
    // Asked for twice, because the first answer was lost.
    if (there && of[LABELS.claim] === labels[LABELS.claim] && !there.metadata!.deletionTimestamp) return;
    if (there) {
      if (!told)
        context.log('WARNING', `ending the Job '${name}' of an attempt before, whose worker is gone`);
      told = true;
      await deleteJob(cluster, { namespace, name }, there.metadata!.uid);
    }
    await sleep(AGAIN_MS, undefined, { signal: context.signal });
  }
}

type Labels = Record<string, string>;

/** The Jobs of this deployment, by `namespace/name/uid`. */
export async function jobsOf(
  { jobs }: Cluster,
  namespaces: readonly string[],
  deployment: string,
): Promise<FoundContainer[]> {
  const labelSelector = `${LABELS.deployment}=${labelOf(deployment)}`;
  const lists = await Promise.all(
    namespaces.map((namespace) => answered(jobs.listNamespacedJob({ namespace, labelSelector }))),
  );
  return lists
    .flatMap(({ items }) => items)
    .filter(({ metadata }) => !metadata?.deletionTimestamp)
    .map(({ metadata }) => ({
      id: [metadata!.namespace, metadata!.name, metadata!.uid].join('/'),
      task_id: metadata!.labels?.[LABELS.task] ?? '',
      claim_id: metadata!.labels?.[LABELS.claim] ?? '',
    }));
}

/** Ends Jobs, whoever has made them. */
export async function removeJobs(cluster: Cluster, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const [namespace, name, uid] = id.split('/') as [string, string, string];
    await deleteJob(cluster, { namespace, name }, uid);
  }
}
