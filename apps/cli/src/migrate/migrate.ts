import { parseArgs } from 'node:util';

import { type MigrationStatus, Migrator } from '@tauro/database';
import { type Env, loadEnv } from '@tauro/platform';

import { commandEntry, writeDown } from '../audit.js';
import { withDatabase } from '../database.js';
import { textTable } from '../demo/table.js';
import { type Shutdown } from '../supervisor/shutdown.js';
import { type Terminal } from '../supervisor/terminal.js';
import { createMigration } from './create-migration.js';
import { MIGRATE_USAGE } from './usage.js';

interface Surroundings {
  terminal: Terminal;
  shutdown: Shutdown;
}

/** @param args what follows `migrate` on the command line. */
export async function migrate(args: string[], { terminal, shutdown }: Surroundings): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { to: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } },
  });
  const [command = '', name, ...rest] = positionals;
  if (values.help) return terminal.say(MIGRATE_USAGE);
  if (command === 'create' && name && rest.length === 0) {
    for (const path of createMigration(name)) terminal.say(`wrote ${path}`);
    return;
  }
  const action = Object.hasOwn(ACTIONS, command) ? ACTIONS[command] : undefined;
  if (!action || name !== undefined) throw new Error(`not understood: ${args.join(' ')}\n\n${MIGRATE_USAGE}`);
  const to = values.to === undefined ? undefined : numberOf(values.to);

  shutdown.listen();
  const say = (line: string): void => terminal.say(line);
  const env = await withDatabase(loadEnv([]), say, shutdown);
  const migrator = await Migrator.open(env, { say });
  shutdown.add(() => migrator.close());
  // A number that no migration has is a slip of the pen, not "all" or "none".
  if (to) migrator.known(to);
  const run = (): Promise<number> => action(migrator, say, to);
  await shutdown.end(command === 'status' ? await run() : await writtenDown(env, `migrate ${command}`, run));
}

/** Does it, and adds to the audit log how it ended. */
async function writtenDown(env: Env, action: string, run: () => Promise<number>): Promise<number> {
  let code: number;
  try {
    code = await run();
  } catch (error) {
    // Why it failed matters more than that this, too, cannot be written.
    await writeDown(env, commandEntry(action, { outcome: 'FAILED' })).catch(() => undefined);
    throw error;
  }
  await writeDown(env, commandEntry(action));
  return code;
}

type Action = (migrator: Migrator, say: (line: string) => void, to?: number) => Promise<number>;

/** Each answers with the exit code. */
const ACTIONS: Record<string, Action> = {
  async up(migrator, say, to) {
    if ((await migrator.up(to)) === 0) say('nothing to apply');
    return 0;
  },
  async down(migrator, say, to) {
    if ((await migrator.down(to)) === 0) say('nothing to roll back');
    return 0;
  },
  async status(migrator, say) {
    const rows = await migrator.status();
    say(shown(rows));
    return rows.every(({ state }) => state === 'APPLIED') ? 0 : 1;
  },
};

function shown(rows: MigrationStatus[]): string {
  const lines = textTable(
    ['migration', 'state', 'since'],
    rows.map((row) => ({ ...row, since: row.finished_at?.toISOString() })),
  );
  const errors = rows.flatMap(({ migration, error }) => (error ? [`${migration}: ${error}`] : []));
  return [lines, ...errors].join('\n');
}

function numberOf(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new Error(`--to must be the number of a migration such as 001, got '${text}'`);
}
