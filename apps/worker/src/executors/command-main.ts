import { type CommandSettings } from '@tauro/nodes';
import { serve } from '@tauro/processes';
import { markOf } from '../commands/process-tree.js';
import { runCommand, type RunningCommand } from '../commands/run-command.js';
import { type CommandHostSettings, type CommandWork } from './command-protocol.js';

// The program of the process beside a command: reads what it prints, bounds it, and ends it, with all that it has
// started, when its worker says so or is gone.

let limits: CommandSettings;
let running: RunningCommand | undefined;

serve<CommandHostSettings, CommandWork>({
  load(settings) {
    ({ limits } = settings);
    return Promise.resolve();
  },
  async run({ claim_id, command }, context) {
    try {
      const started = (one: RunningCommand): void => void (running = one);
      return JSON.stringify(await runCommand(command, markOf(claim_id), limits, context, started));
    } finally {
      running = undefined;
    }
  },
  leave: () => running?.kill(),
});
