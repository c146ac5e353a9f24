import { type LogLevel } from '@tauro/domain';

/** Where a program is, and what each of its processes is given and may cost. */
export interface Program {
  /** Its module; one that calls `serve`. */
  module: string;
  /** Aliases that its TypeScript source needs when it is started from there, as specs do. */
  sourceAliases?: Record<string, string>;
  /** What its `load` is told; JSON. */
  settings: object;
  /** Environment of its processes; that of their parent when absent. */
  env?: NodeJS.ProcessEnv;
  /** Bound of each process's JavaScript heap, in MB. */
  heapMb: number;
  /** Resident memory at which a process is ended, in bytes. */
  maxRssBytes: number;
  /** Bytes of log that one call may write. */
  maxLogBytes: number;
  /** Whether its `Service` has a `leave`: it is told to end, not killed. */
  leaves?: boolean;
}

/** What a process is told first. Everything that crosses the border is JSON. */
export interface LoadMessage {
  type: 'load';
  settings: object;
  /** The process id of the parent, with which the process ends. */
  parent: number;
  maxRssBytes: number;
  maxLogBytes: number;
}

/** `call` numbers the calls of a process, so that what a finished one leaves behind is told apart. */
export type ToProcess =
  | LoadMessage
  | { type: 'run'; call: number; work: object }
  | { type: 'abort'; call: number; reason: string }
  /** The last piece was taken. */
  | { type: 'next'; call: number };

export interface CallFailure {
  name: string;
  message: string;
  retryable: boolean;
}

export type FromProcess =
  /** `about`: what the program has to tell of itself. */
  | { type: 'ready'; about: unknown }
  | { type: 'unusable'; message: string }
  | { type: 'log'; call: number; level: LogLevel; message: string }
  | { type: 'progress'; call: number; fraction: number }
  /** Part of an answer that is too long for `result`. */
  | { type: 'piece'; call: number; piece: string }
  /** `result` is JSON text. */
  | { type: 'done'; call: number; result: string }
  /** `spent`: what the call left running is in an unknown state, so the process should not be used again. */
  | { type: 'failed'; call: number; error: CallFailure; spent: boolean }
  /** Something that a finished call left behind has failed. */
  | { type: 'stray'; message: string };

/** What the process writes to stderr before it ends itself for its memory. */
export const MEMORY_MARK = 'tauro: out of memory';
