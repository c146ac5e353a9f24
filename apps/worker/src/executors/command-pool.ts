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
import { type CommandHostSettings, type CommandWork } from './command-protocol.js';
import { MAX_LOG_BYTES, programFile, sourceFile } from './programs.js';

export interface CommandPoolOptions {
  limits: CommandSettings;
  /** Most commands at once: the worker's slots. */
  size: number;
  /** Bytes of log that one command may write; 10 MB when absent. */
  maxLogBytes?: number;
  onStray?: (message: string) => void;
}

/** Never reached: a command is ended before, and its process answers always. */
const KILL_GRACE_MS = 15_000;

/** The program beside each command. */
export const commandProgram = ({ limits, maxLogBytes }: CommandPoolOptions): Program => ({
  module: programFile('command-main'),
  sourceAliases: { '@tauro/domain': sourceFile('domain'), '@tauro/processes': sourceFile('processes') },
  settings: { limits } satisfies CommandHostSettings,
  // Whoever runs a command can read what its parent was started with.
  env: {},
  heapMb: 64,
  maxRssBytes: Number.MAX_SAFE_INTEGER,
  maxLogBytes: maxLogBytes ?? MAX_LOG_BYTES,
  leaves: true,
});

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
    const work: CommandWork = { claim_id: context.task.claim_id, command };
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

  /** Ends every command; calls that still run fail. */
  close(): Promise<void> {
    return this.processes.close();
  }
}
