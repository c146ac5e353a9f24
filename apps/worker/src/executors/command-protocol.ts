import { type CommandCall, type CommandSettings } from '@tauro/nodes';

/** What the process beside a command is told first. */
export interface CommandHostSettings {
  limits: CommandSettings;
  /** Tells the containers of this deployment from those of others on the same engine. */
  deployment: string;
  /** Where Jobs may be; none when there is to be no Job. */
  namespaces: string[];
}

/** A container that somebody has started, or a Job, by its labels. */
export interface FoundContainer {
  id: string;
  task_id: string;
  claim_id: string;
}

/** What crosses the border of a call. */
export type CommandWork =
  | { ask: 'run'; claim_id: string; command: CommandCall }
  /** Answers `FoundContainer[]`. */
  | { ask: 'containers' }
  | { ask: 'remove'; ids: string[] }
  /** Answers `FoundContainer[]`. */
  | { ask: 'jobs' }
  | { ask: 'remove jobs'; ids: string[] };
