import { createHash } from 'node:crypto';
import { type V1Container, type V1Job } from '@kubernetes/client-node';
import { type CommandCall, type CommandSettings, type JobCall } from '@tauro/nodes';
import { LABELS } from '../run-container.js';

export type JobCommand = CommandCall & { job: JobCall };

/** Whose a Job is. */
export interface Owner {
  claim_id: string;
  deployment: string;
}

/** The only container of its pods. */
export const CONTAINER = 'main';
const INPUT = 'tauro.input';
/** The user of no name, whom no image needs to know. */
const NOBODY = 65_534;
/** From SIGTERM to SIGKILL. */
const GRACE_SECONDS = 3;
/** The attempt is over before; this is for when nobody is left to end it. */
const SPARE_SECONDS = 60;
/** It is removed at its end; this is for when nobody is left to do so. */
const KEPT_SECONDS = 600;

const PULL = { missing: 'IfNotPresent', always: 'Always', never: 'Never' } as const;

/**
 * A task has one name in the cluster, whichever attempt it is: the cluster itself then sees to it that no two attempts
 * run beside each other.
 */
export const jobName = (task_id: string): string => {
  const name = task_id.replace(/^task_/, '').toLowerCase();
  const plain = /^[a-z0-9]{1,56}$/.test(name);
  return `tauro-${plain ? name : createHash('sha256').update(task_id).digest('hex').slice(0, 40)}`;
};

/** As a label takes it. */
export const labelOf = (text: string): string =>
  /^[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/.test(text)
    ? text
    : createHash('sha256').update(text).digest('hex').slice(0, 40);

/** The Job of an attempt. Nothing that could be given is given: no privileges, no capabilities, no token, no root to write to. */
export function manifestOf(command: JobCommand, input: string, owner: Owner, limits: CommandSettings): V1Job {
  const { job } = command;
  const labels = {
    'app.kubernetes.io/managed-by': 'tauro',
    [LABELS.deployment]: labelOf(owner.deployment),
    [LABELS.task]: job.task_id,
    [LABELS.claim]: owner.claim_id,
  };
  const sizeLimit = `${limits.fileMb}Mi`;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: jobName(job.task_id), namespace: job.namespace, labels },
    spec: {
      // What is tried again, and how often, is said where the node is.
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      ttlSecondsAfterFinished: KEPT_SECONDS,
      ...(job.seconds !== undefined && { activeDeadlineSeconds: Math.ceil(job.seconds) + SPARE_SECONDS }),
      template: {
        metadata: { labels, annotations: { [INPUT]: input } },
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: GRACE_SECONDS,
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: NOBODY,
            runAsGroup: NOBODY,
            fsGroup: NOBODY,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [containerOf(command)],
          volumes: [
            { name: 'home', emptyDir: { sizeLimit } },
            { name: 'tmp', emptyDir: { sizeLimit } },
            {
              name: 'input',
              downwardAPI: {
                items: [
                  {
                    path: job.paths.input.split('/').at(-1)!,
                    fieldRef: { fieldPath: `metadata.annotations['${INPUT}']` },
                  },
                ],
              },
            },
          ],
        },
      },
    },
  };
}

function containerOf({ argv, env, job }: JobCommand): V1Container {
  return {
    name: CONTAINER,
    image: job.image,
    imagePullPolicy: PULL[job.pull],
    // As with a container of an engine: the arguments of its entrypoint when it has one.
    ...(argv.length > 0 && { args: argv.map(literal) }),
    env: Object.entries(env).map(([name, value]) => ({ name, value: literal(value) })),
    workingDir: job.paths.home,
    resources: { limits: { cpu: String(job.cpus), memory: `${job.memory_mb}Mi` } },
    terminationMessagePath: job.paths.output,
    terminationMessagePolicy: 'File',
    securityContext: {
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'home', mountPath: job.paths.home },
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'input', mountPath: job.paths.input.split('/').slice(0, -1).join('/'), readOnly: true },
    ],
  };
}

/** The cluster would put variables in the place of `$(NAME)`, and one dollar in that of two. */
const literal = (text: string): string => text.replaceAll('$', '$$$$');
