import { cpus, totalmem } from 'node:os';
import { play, type Report } from './scenario.js';
import { SCENARIOS } from './scenarios/index.js';
import { FaultStores } from './stores.js';
import { reportTable } from './report.js';

/** `npm run test:faults` plays everything; `npm run test:faults -- redis mongodb` only what is named. */
async function main(args: string[]): Promise<void> {
  const size = args.includes('--short') ? 'short' : 'full';
  const names = args.filter((one) => !one.startsWith('--'));
  const unknown = names.find((name) => !SCENARIOS.some((one) => one.name === name));
  if (unknown)
    throw new Error(`no fault '${unknown}'; there are ${SCENARIOS.map((one) => one.name).join(', ')}`);
  const seed = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
  console.error(`seed ${seed}; FAULT_SEED=${seed} makes the same choices again`);
  const stores = await FaultStores.start();
  const reports: Report[] = [];
  try {
    for (const scenario of SCENARIOS) {
      if (names.length > 0 && !names.includes(scenario.name)) continue;
      console.error(`playing ${scenario.name} ...`);
      const report = await play(scenario, size, stores, seed);
      for (const line of report.broken) console.error(`BROKEN ${scenario.name}: ${line}`);
      reports.push(report);
    }
  } finally {
    await stores.stop();
  }
  const machine = `Node ${process.version} on ${cpus().length} x ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB`;
  console.log(`\n${machine}, seed ${seed}, ${size}\n\n${reportTable(reports)}`);
  if (reports.some(({ broken }) => broken.length > 0)) process.exitCode = 1;
}

// A terminal's Ctrl-C runs the exit handlers too, which end every process of the deployment.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
