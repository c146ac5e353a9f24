import { type ContainerCall, NodeError, type NodeContext } from '../node-kind.js';
import { type ContainerSettings } from '../settings.js';
import { matches } from './allowed.js';
import { type Folders, type Place } from './place.js';

/** The part of a command's config that is about its container. */
interface ContainerConfig {
  image: string;
  pull?: ContainerCall['pull'];
  cpu?: number;
  memory_mb?: number;
  network?: string;
}

/** Keys of a config that mean nothing without an `image`. */
export const CONTAINER_KEYS = ['executor', 'namespace', 'pull', 'cpu', 'memory_mb', 'network'] as const;

/** @throws NodeError unless CONTAINER_IMAGES has the image */
export function assertAllowed(image: string, { images }: ContainerSettings): void {
  if (images.some((pattern) => matches(pattern, image))) return;
  const message = `'${image}' is none of the images that this worker may run (CONTAINER_IMAGES: ${images.join(', ')})`;
  throw new NodeError('CommandNotAllowed', message, false);
}

/** What it gets of processors and memory. @throws NodeError when it asks for more than it may have */
export function boundsOf(
  { cpu, memory_mb }: { cpu?: number; memory_mb?: number },
  { cpus, memoryMb }: ContainerSettings,
): Pick<ContainerCall, 'cpus' | 'memory_mb'> {
  const within = (name: string, value: number, most: number, variable: string): number => {
    if (value <= most) return value;
    throw new NodeError('InvalidConfig', `config.${name} is more than ${most}, the ${variable} here`, false);
  };
  return {
    cpus: within('cpu', cpu ?? cpus, cpus, 'CONTAINER_CPUS'),
    memory_mb: within('memory_mb', memory_mb ?? memoryMb, memoryMb, 'CONTAINER_MEMORY_MB'),
  };
}

/** What a container gets, when this worker may run it. @throws NodeError when it may not */
export function containerOf(context: NodeContext, folders: Folders, place: Place): ContainerCall {
  const { config, settings, inputs, artifacts, task } = context;
  const { image, pull = 'missing', network = 'none', ...asked } = config as unknown as ContainerConfig;
  const { enabled, networks } = settings.containers;
  if (!enabled) {
    const message =
      'this worker runs no containers; set CONTAINERS_ENABLED=true and name the images in CONTAINER_IMAGES';
    throw new NodeError('CommandsDisabled', message, false);
  }
  assertAllowed(image, settings.containers);
  if (network !== 'none' && !networks.includes(network)) {
    const known = ['none', ...networks].join(', ');
    const message = `'${network}' is none of the networks that containers may join (CONTAINER_NETWORKS: ${known})`;
    throw new NodeError('CommandNotAllowed', message, false);
  }
  const tables = inputs.flatMap(({ node_id, table }) =>
    table
      ? [
          {
            source: artifacts.path(table.artifact),
            target: place.tablePath(node_id, table.artifact)!,
            read_only: true,
          },
        ]
      : [],
  );
  return {
    image,
    pull,
    network,
    ...boundsOf(asked, settings.containers),
    cwd: place.cwd,
    task_id: task.id,
    binds: [
      { source: folders.scratch, target: place.home, read_only: false },
      ...(folders.cwd === folders.scratch
        ? []
        : [{ source: folders.cwd, target: place.cwd, read_only: false }]),
      ...tables,
    ],
  };
}
