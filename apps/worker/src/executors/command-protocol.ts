import { type CommandCall, type CommandSettings } from '@tauro/nodes';

/** What the process beside a command is told first. */
export interface CommandHostSettings {
  limits: CommandSettings;
}

/** What crosses the border of a command's attempt. */
export interface CommandWork {
  claim_id: string;
  command: CommandCall;
}
