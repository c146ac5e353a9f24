import { type V1Job, type V1Pod } from '@kubernetes/client-node';
import { fault } from './cluster-faults.js';
import { CONTAINER } from './job-manifest.js';

/** How far a pod is, as far as anybody has to know. */
export type PodState =
  /** It has not begun; `why` in words, when something stands in its way. */
  | { kind: 'waiting'; why?: string }
  | { kind: 'running' }
  | { kind: 'ended'; code: number; reason: string; message: string }
  /** It will not run to its end. */
  | { kind: 'failed'; error: Error };

/** Reasons after which the cluster goes on trying, though nothing changes by itself. */
const NO_IMAGE = new Set(['ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull', 'ImageInspectError']);
const NO_START = new Set(['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError']);

export function stateOf(pod: V1Pod): PodState {
  const { phase, containerStatuses, conditions, reason, message } = pod.status ?? {};
  const container = containerStatuses?.find(({ name }) => name === CONTAINER);
  const { waiting, running, terminated } = container?.state ?? {};
  if (terminated) {
    const { exitCode: code, reason: why = '', message: last = '' } = terminated;
    // It has an exit code of the engine's, not of a program.
    if (why === 'ContainerCannotRun' || why === 'StartError') {
      return {
        kind: 'failed',
        error: fault('CommandFailed', `the container could not be started: ${last}`, false),
      };
    }
    return { kind: 'ended', code, reason: why, message: last };
  }
  if (phase === 'Failed') {
    const told = [reason, message].filter(Boolean).join(': ') || 'its pod failed';
    return { kind: 'failed', error: fault('CommandFailed', `the cluster ended the command: ${told}`, true) };
  }
  if (running) return { kind: 'running' };
  const why = waiting?.reason ?? '';
  const told = waiting?.message ?? why;
  if (NO_IMAGE.has(why)) {
    const image = container?.image ?? '';
    return {
      kind: 'failed',
      error: fault('ImageNotFound', `the image '${image}' cannot be had: ${told}`, true),
    };
  }
  if (NO_START.has(why)) {
    return {
      kind: 'failed',
      error: fault('CommandFailed', `the container could not be started: ${told}`, false),
    };
  }
  const unscheduled = conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (unscheduled)
    return { kind: 'waiting', why: `no node takes it: ${unscheduled.message ?? unscheduled.reason}` };
  return { kind: 'waiting', ...(why === 'ErrImagePull' && { why: `its image is not there yet: ${told}` }) };
}

/** Why the cluster has given the Job up; undefined when it has not. */
export function givenUp({ status }: V1Job): Error | undefined {
  const failed = status?.conditions?.find((one) => one.type === 'Failed' && one.status === 'True');
  if (!failed) return undefined;
  const told = [failed.reason, failed.message].filter(Boolean).join(': ');
  return fault('CommandFailed', `the cluster ended the Job: ${told}`, failed.reason !== 'DeadlineExceeded');
}
