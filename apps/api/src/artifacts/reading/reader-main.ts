import { readTablePage, writeTableLines } from '@tauro/nodes';
import { serve } from '@tauro/processes';
import { type ReaderCall } from './reader-protocol.js';

/* A reader process: see `TableReader`, which starts it. */

serve<object, ReaderCall>({
  // The engine is loaded on the way to being ready, not in the middle of the first call.
  load: () => import('@duckdb/node-api').then(() => undefined),
  async run(call, context) {
    const { signal } = context;
    if (call.ask === 'page') return JSON.stringify(await readTablePage(call.path, call, signal));
    await writeTableLines(call.path, call.format, (piece) => context.write(piece), signal);
    return 'null';
  },
});
