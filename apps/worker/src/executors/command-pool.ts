import {
  type CommandCall,
  type CommandEnd,
  type Commands,
  type CommandSettings,
  type NodeContext,
  NodeError,
} from '@tauro/nodes';
import { ProcessEnded, ProcessPool, ProcessUnusable, type Program } from '@tauro/processes';
import { endAbandoned } from '../commands/process-tree.js';
import { asNodeError } from './call-errors.js';
import { type CommandHostSettings, type CommandWork, type FoundContainer } from './command-protocol.js';
import { MAX_LOG_BYTES, programFile, sourceFile } from './programs.js';

export interface CommandPoolOptions {
  limits: CommandSettings;
  /** Tells the containers of this deployment from those of others on the same engine. */
  deployment: string;
  /** Where the container engine is; the usual socket when absent. */
  dockerHost?: string;
  /** Where Jobs may be, and how the cluster is reached; absent when there is to be no Job. */
  kubernetes?: { namespaces: string[]; kubeconfig?: string };
  /** Most commands at once: the worker's slots. */
  size: number;
  /** Bytes of log that one command may write; 10 MB when absent. */
  maxLogBytes?: number;
  onStray?: (message: string) => void;
}

/** Never reached: a command is ended before, and its process answers always. */
const KILL_GRACE_MS = 15_000;

/** For what belongs to no attempt. */
const QUIETLY = { signal: new AbortController().signal, log: () => undefined, progress: () => undefined };

/** The program beside each command. */
export const commandProgram = (options: CommandPoolOptions): Program => ({
  module: programFile('command-main'),
  sourceAliases: { '@tauro/domain': sourceFile('domain'), '@tauro/processes': sourceFile('processes') },
  settings: {
    limits: options.limits,
    deployment: options.deployment,
    namespaces: options.kubernetes?.namespaces ?? [],
  } satisfies CommandHostSettings,
  // Whoever runs a command can read what its parent was started with.
  env: { ...engineVariables(options), ...clusterVariables(options) },
  heapMb: options.kubernetes ? 192 : 64,
  maxRssBytes: Number.MAX_SAFE_INTEGER,
  maxLogBytes: options.maxLogBytes ?? MAX_LOG_BYTES,
  leaves: true,
});

/** What says where the container engine is. */
function engineVariables({ dockerHost }: CommandPoolOptions): NodeJS.ProcessEnv {
  const { DOCKER_TLS_VERIFY, DOCKER_CERT_PATH } = process.env;
  return { ...(dockerHost && { DOCKER_HOST: dockerHost, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH }) };
}

/** What says where the cluster is, and what programs need that fetch its credentials. */
function clusterVariables({ kubernetes }: CommandPoolOptions): NodeJS.ProcessEnv {
  if (!kubernetes) return {};
  const { HOME, PATH, KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT, NODE_EXTRA_CA_CERTS } = process.env;
  return {
    ...{ HOME, PATH, KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT, NODE_EXTRA_CA_CERTS },
    ...(kubernetes.kubeconfig && { KUBECONFIG: kubernetes.kubeconfig }),
  };
}

/**
 * Runs programs, each beside a small process of ours that reads what it prints. The worker's death closes a channel to
 * that process, which then takes the command along; when it is itself killed, the worker does so; and when both are
 * killed at once, the next worker that starts on this machine.
 */
export class CommandPool implements Commands {
  private readonly processes: ProcessPool;

  constructor(options: CommandPoolOptions) {
    const { size, onStray } = options;
    const program = commandProgram(options);
    this.processes = new ProcessPool({ program, size, keepOne: false, killGraceMs: KILL_GRACE_MS, onStray });
    if (options.limits.enabled) endAbandoned();
  }

  async run(command: CommandCall, context: NodeContext): Promise<CommandEnd> {
    const work: CommandWork = { ask: 'run', claim_id: context.task.claim_id, command };
    try {
      const end = await this.processes.run(work, {
        signal: context.signal,
        log: (level, message) => context.log(level, message),
        progress: (fraction) => context.progress(fraction),
      });
      return JSON.parse(end) as CommandEnd;
    } catch (error) {
      if (error instanceof ProcessUnusable) {
        throw new NodeError('CommandProcess', `no process for a command could be started: ${error.message}`);
      }
      if (!(error instanceof ProcessEnded)) throw asNodeError(error);
      endAbandoned();
      throw new NodeError('CommandProcess', `the process beside the command ${error.message}`);
    }
  }

  /** The containers of this deployment on the engine of this worker. @throws Error when there is no engine */
  async containers(): Promise<FoundContainer[]> {
    const found = await this.processes.run({ ask: 'containers' } satisfies CommandWork, QUIETLY);
    return JSON.parse(found) as FoundContainer[];
  }

  /** Ends and removes containers, whoever has started them. */
  async removeContainers(ids: string[]): Promise<void> {
    await this.processes.run({ ask: 'remove', ids } satisfies CommandWork, QUIETLY);
  }

  /** The Jobs of this deployment in the cluster of this worker. @throws Error when it is not reached */
  async jobs(): Promise<FoundContainer[]> {
    const found = await this.processes.run({ ask: 'jobs' } satisfies CommandWork, QUIETLY);
    return JSON.parse(found) as FoundContainer[];
  }

  /** Ends Jobs, whoever has made them. */
  async removeJobs(ids: string[]): Promise<void> {
    await this.processes.run({ ask: 'remove jobs', ids } satisfies CommandWork, QUIETLY);
  }

  /** Ends every command; calls that still run fail. */
  close(): Promise<void> {
    return this.processes.close();
  }
}
