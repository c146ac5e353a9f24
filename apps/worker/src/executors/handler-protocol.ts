import { type Json, type JsonObject } from '@tauro/domain';
import { type RunInfo } from '@tauro/sdk';

/** What a handler process is told first. Everything that crosses the border is JSON. */
export interface HandlerSettings {
  /** Absolute paths of the handler modules. */
  files: string[];
  /** What `@tauro/sdk` is inside them. */
  sdk: string;
  /** Where transpiled TypeScript is kept. */
  cacheDirectory: string;
  /** Bytes of log that one attempt may write. */
  maxLogBytes: number;
  /** Resident memory at which the process ends itself. */
  maxRssBytes: number;
}

/** A handler that was found in a module. */
export interface LoadedHandler {
  name: string;
  file: string;
  description?: string;
  input?: Record<string, unknown>;
}

/** What crosses the border of a handler's attempt, besides functions. */
export interface HandlerCall {
  params: JsonObject;
  input: Json;
  inputs: Record<string, Json>;
  run: RunInfo;
  attempt: number;
}

export type AttemptLogLevel = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR';

/** `call` numbers the calls of a process, so that what a finished one leaves behind is told apart. */
export type ToHandler =
  | { type: 'load'; settings: HandlerSettings }
  | { type: 'run'; call: number; handler: string; context: HandlerCall }
  | { type: 'abort'; call: number; reason: string };

export interface HandlerFailure {
  name: string;
  message: string;
  retryable: boolean;
}

export type FromHandler =
  | { type: 'ready'; handlers: LoadedHandler[] }
  | { type: 'unusable'; message: string }
  | { type: 'log'; call: number; level: AttemptLogLevel; message: string }
  | { type: 'progress'; call: number; fraction: number }
  /** `output` is JSON text, already known to be small enough. */
  | { type: 'done'; call: number; output: string }
  /** `spent`: what the handler left running is in an unknown state, so the process should not be used again. */
  | { type: 'failed'; call: number; error: HandlerFailure; spent: boolean }
  /** Something that a finished call left behind has failed. */
  | { type: 'stray'; message: string };

/** What the process writes to stderr before it ends itself for its memory. */
export const MEMORY_MARK = 'tauro: out of memory';
