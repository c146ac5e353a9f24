import {
  type CommandCall,
  type CommandEnd,
  type CommandSettings,
  type ContainerCall,
  type JobCall,
} from '@tauro/nodes';
import { type CallContext, serve } from '@tauro/processes';
import { containersOf, engine, removeContainers } from '../commands/containers.js';
import { openCluster } from '../commands/kubernetes/cluster.js';
import { jobsOf, removeJobs } from '../commands/kubernetes/jobs.js';
import { runJob } from '../commands/kubernetes/run-job.js';
import { markOf } from '../commands/process-tree.js';
import { runCommand, type RunningCommand } from '../commands/run-command.js';
import { runContainer } from '../commands/run-container.js';
import { type CommandHostSettings, type CommandWork } from './command-protocol.js';

// The program of the process beside a command: reads what it prints, bounds it, and ends it, with all that it has
// started, when its worker says so or is gone.

let limits: CommandSettings;
let deployment: string;
let namespaces: string[];
let running: RunningCommand | undefined;

serve<CommandHostSettings, CommandWork>({
  load(settings) {
    ({ limits, deployment, namespaces } = settings);
    return Promise.resolve();
  },
  async run(work, context) {
    switch (work.ask) {
      case 'run':
        return JSON.stringify(await run(work.command, work.claim_id, context));
      case 'containers':
        return JSON.stringify(await containersOf(await engine(), deployment));
      case 'remove':
        await removeContainers(await engine(), work.ids);
        return 'null';
      case 'jobs':
        return JSON.stringify(await jobsOf(await openCluster(), namespaces, deployment));
      case 'remove jobs':
        await removeJobs(await openCluster(), work.ids);
        return 'null';
    }
  },
  leave: () => running?.kill(),
});

async function run(command: CommandCall, claim_id: string, context: CallContext): Promise<CommandEnd> {
  const onStart = (one: RunningCommand): void => void (running = one);
  try {
    if (asJob(command)) {
      const owner = { claim_id, deployment };
      return await runJob(await openCluster(), command, owner, limits, context, onStart);
    }
    return inContainer(command)
      ? await runContainer(await engine(), command, { claim_id, deployment }, limits, context, onStart)
      : await runCommand(command, markOf(claim_id), limits, context, onStart);
  } finally {
    running = undefined;
  }
}

const inContainer = (command: CommandCall): command is CommandCall & { container: ContainerCall } =>
  command.container !== undefined;

const asJob = (command: CommandCall): command is CommandCall & { job: JobCall } => command.job !== undefined;
