import { adoptTable, ArtifactStore, NODE_KINDS, type NodeContext, type NodeSettings } from '@tauro/nodes';
import { serve } from '@tauro/processes';
import { contextOf, scratchOf, type TableCall, type TableSettings } from './table-protocol.js';

// The program of a table process: executes nodes that work on tables, one at a time.

let artifacts: ArtifactStore;
let settings: NodeSettings;
const elsewhere = () => Promise.reject(new Error('handlers and commands run in processes of their own'));
const others = {
  handlers: { names: () => [], run: elsewhere },
  commands: { run: elsewhere },
  adoptTable: elsewhere,
};

serve<TableSettings, TableCall>({
  async load(given) {
    artifacts = new ArtifactStore(given.artifacts);
    const { duckdb } = given.settings;
    settings = { ...given.settings, duckdb: { ...duckdb, tempDirectory: scratchOf(given, process.pid) } };
    // The engine is loaded on the way to being ready, not in the middle of the first call.
    await import('@duckdb/node-api');
  },
  async run(call, context) {
    const kind = NODE_KINDS.get(call.kind)!;
    const whole: NodeContext = { ...contextOf(call), ...context, artifacts, settings, ...others };
    if (typeof call.ask === 'object') return JSON.stringify(await adoptTable(call.ask, whole));
    return JSON.stringify(await (call.ask === 'pins' ? kind.pins!.read(whole) : kind.execute(whole)));
  },
});
