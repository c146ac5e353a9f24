import { join } from 'node:path';
import { type JobCall, NodeError, type NodeContext } from '../node-kind.js';
import { assertAllowed, boundsOf } from './container.js';
import { type Folders, INPUT_FILE, onKubernetes } from './place.js';

interface JobConfig {
  image: string;
  pull?: JobCall['pull'];
  namespace?: string;
  cpu?: number;
  memory_mb?: number;
}

/** Whether a config says so. */
export const runsOnKubernetes = (config: Record<string, unknown>): boolean =>
  config['executor'] === 'kubernetes';

/** Keys of a config that cannot be had on Kubernetes, and what to do instead. */
const ABSENT: Readonly<Record<string, string>> = {
  cwd: 'no folder of the worker is there; put the files into the image',
  table: 'no folder is shared, so it cannot leave a table; write to a store, and read that with a source',
  network: 'the network of a pod is for the policies of its namespace to say',
};

/** What of a config cannot be on Kubernetes, or can be there only: keys with what is wrong. */
export function placeFaults(config: Record<string, unknown>): [key: string, message: string][] {
  if (!runsOnKubernetes(config)) {
    return config['namespace'] === undefined
      ? []
      : [['namespace', 'means something with `executor: kubernetes` only']];
  }
  return Object.entries(ABSENT).flatMap(([key, why]): [string, string][] =>
    config[key] === undefined ? [] : [[key, `does not exist on Kubernetes: ${why}`]],
  );
}

/** What a Job can carry beside its other annotations, of which Kubernetes takes 256 KB. */
const MAX_INPUT_BYTES = 200_000;

/** @throws NodeError when the input of a command is too large to come with its Job */
export function assertFits(input: string): void {
  const bytes = Buffer.byteLength(input);
  if (bytes <= MAX_INPUT_BYTES) return;
  const message = `what the command gets to read has ${bytes} bytes; ${MAX_INPUT_BYTES} fit into a Job`;
  throw new NodeError('InvalidConfig', message, false);
}

/** The Job of an attempt, when this worker may run it. @throws NodeError when it may not */
export function jobOf({ config, settings, task, seconds }: NodeContext, { scratch }: Folders): JobCall {
  const { image, pull = 'missing', namespace, ...asked } = config as unknown as JobConfig;
  const { enabled, namespaces } = settings.kubernetes;
  if (!enabled) {
    const message =
      'this worker runs nothing on Kubernetes; set KUBERNETES_ENABLED=true and name the images in CONTAINER_IMAGES';
    throw new NodeError('CommandsDisabled', message, false);
  }
  assertAllowed(image, settings.containers);
  if (namespace !== undefined && !namespaces.includes(namespace)) {
    const known = namespaces.join(', ');
    const message = `'${namespace}' is none of the namespaces that Jobs may be in (KUBERNETES_NAMESPACES: ${known})`;
    throw new NodeError('CommandNotAllowed', message, false);
  }
  const { home, input, output } = onKubernetes;
  return {
    image,
    pull,
    namespace: namespace ?? namespaces[0]!,
    ...boundsOf(asked, settings.containers),
    task_id: task.id,
    input: join(scratch, INPUT_FILE),
    paths: { home, input, output },
    ...(seconds !== undefined && { seconds }),
  };
}
