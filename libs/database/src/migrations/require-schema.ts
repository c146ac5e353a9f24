import { type Env } from '@tauro/platform';
import { type Connection } from 'mongoose';
import { MIGRATIONS } from './all.js';
import { assertKnown, pending, readLedger, SchemaError } from './ledger.js';
import { label } from './migration.js';
import { Migrator } from './migrator.js';

/**
 * Makes sure, before a process serves, that the database has the schema it needs: brings it there when it may. Any number
 * of processes may start at once. @throws SchemaError when the schema is newer than this version, or older and
 * `MIGRATE_ON_START` is off.
 */
export async function requireSchema(
  env: Env,
  connection: Connection,
  say: (line: string) => void,
): Promise<void> {
  const stored = await readLedger(connection.db!);
  assertKnown(MIGRATIONS, stored);
  const missing = pending(MIGRATIONS, stored);
  if (missing.length === 0) return;
  if (!env.MIGRATE_ON_START) {
    throw new SchemaError(
      `The database lacks ${missing.map(label).join(', ')}. Run npm run migrate -- up, ` +
        'or set MIGRATE_ON_START=true to have it done at start.',
    );
  }
  const migrator = await Migrator.open(env, { say });
  try {
    await migrator.up();
  } finally {
    await migrator.close();
  }
}
