import { type ContainerCall, NodeError, type NodeContext } from '../node-kind.js';
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
export const CONTAINER_KEYS = ['pull', 'cpu', 'memory_mb', 'network'] as const;

/** What a container gets, when this worker may run it. @throws NodeError when it may not */
export function containerOf(context: NodeContext, folders: Folders, place: Place): ContainerCall {
  const { config, settings, inputs, artifacts, task } = context;
  const { image, pull = 'missing', network = 'none', ...asked } = config as unknown as ContainerConfig;
  const { enabled, images, networks, memoryMb, cpus } = settings.containers;
  if (!enabled) {
    const message =
      'this worker runs no containers; set CONTAINERS_ENABLED=true and name the images in CONTAINER_IMAGES';
    throw new NodeError('CommandsDisabled', message, false);
  }
  if (!images.some((pattern) => matches(pattern, image))) {
    const message = `'${image}' is none of the images that this worker may run (CONTAINER_IMAGES: ${images.join(', ')})`;
    throw new NodeError('CommandNotAllowed', message, false);
  }
  if (network !== 'none' && !networks.includes(network)) {
    const known = ['none', ...networks].join(', ');
    const message = `'${network}' is none of the networks that containers may join (CONTAINER_NETWORKS: ${known})`;
    throw new NodeError('CommandNotAllowed', message, false);
  }
  const within = (name: string, value: number, most: number): number => {
    if (value <= most) return value;
    const variable = name === 'cpu' ? 'CONTAINER_CPUS' : 'CONTAINER_MEMORY_MB';
    throw new NodeError('InvalidConfig', `config.${name} is more than ${most}, the ${variable} here`, false);
  };
  const tables = inputs.flatMap(({ node_id, table }) =>
    table
      ? [
          {
            source: artifacts.path(table.artifact),
            target: place.tablePath(node_id, table.artifact),
            read_only: true,
          },
        ]
      : [],
  );
  return {
    image,
    pull,
    network,
    cpus: within('cpu', asked.cpu ?? cpus, cpus),
    memory_mb: within('memory_mb', asked.memory_mb ?? memoryMb, memoryMb),
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
