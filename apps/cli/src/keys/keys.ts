import { parseArgs } from 'node:util';

import {
  ApiKey,
  ApiKeySchema,
  type AuditEntry,
  connectOptions,
  type Grant,
  newApiKey,
} from '@tauro/database';
import { isBuiltInRole, isPermission } from '@tauro/domain';
import { apiKeyHash, canSeal, type Env, loadEnv, parseDuration } from '@tauro/platform';
import mongoose, { type Connection } from 'mongoose';

import { commandEntry } from '../audit.js';
import { withDatabase } from '../database.js';
import { type Shutdown } from '../supervisor/shutdown.js';
import { type Terminal } from '../supervisor/terminal.js';
import { KEYS_USAGE } from './usage.js';

interface Surroundings {
  terminal: Terminal;
  shutdown: Shutdown;
}

/** @param args what follows `keys` on the command line. @throws Error that says what is not understood */
export async function keys(args: string[], { terminal, shutdown }: Surroundings): Promise<void> {
  const many = { type: 'string', multiple: true, default: [] as string[] } as const;
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      name: { type: 'string', default: '' },
      role: many,
      permission: many,
      project: many,
      'expires-in': { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return terminal.say(KEYS_USAGE);
  if (positionals.join(' ') !== 'create')
    throw new Error(`not understood: ${args.join(' ')}\n\n${KEYS_USAGE}`);
  const lasts = values['expires-in'];
  const grant: Grant = {
    name: values.name,
    roles: values.role,
    permissions: values.permission,
    project_ids: values.project.length > 0 ? values.project : null,
    expires_at: lasts === undefined ? null : endOf(lasts),
  };
  assertMeant(grant);

  shutdown.listen();
  // What is said on the way must not stand between the secret and a program that reads it.
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  const env = await withDatabase(loadEnv([]), log, shutdown);
  log(`${await create(env, grant, (secret) => terminal.say(secret))}; its secret is shown only this once`);
  await shutdown.end(0);
}

function endOf(lasts: string): Date {
  try {
    return new Date(Date.now() + parseDuration(lasts));
  } catch (error) {
    throw new Error(`--expires-in ${lasts}: ${(error as Error).message}`, { cause: error });
  }
}

/** @throws Error for a key that could do nothing, or is not what was meant. */
function assertMeant({ name, roles, permissions }: Grant): void {
  if (name === '') throw new Error('--name is missing: say what the key is for');
  if (roles.length + permissions.length === 0) throw new Error('--role is missing: the key could do nothing');
  const unknown = permissions.find((one) => !isPermission(one));
  if (unknown !== undefined) throw new Error(`--permission ${unknown}: there is no such permission`);
}

/** Whoever can write the database could do anything to it, so nobody is asked who they are. */
async function create(env: Env, grant: Grant, show: (secret: string) => void): Promise<string> {
  if (!canSeal(env)) {
    throw new Error('SECRET_KEY is the published placeholder; set the one that the server has');
  }
  const connection = await mongoose.createConnection(env.MONGODB_URL!, connectOptions(env)).asPromise();
  try {
    await assertExisting(connection, grant);
    const { key, secret } = newApiKey(grant, { created_by: 'cli', request_id: null }, apiKeyHash(env));
    const entry = commandEntry('keys create', { resource_kind: 'key', resource_ids: [key._id] });
    // No key without its entry in the audit log, and none there without its key.
    await connection.transaction(async (session) => {
      await connection.model(ApiKey.name, ApiKeySchema).create([key], { session });
      await connection.collection<AuditEntry>('audit').insertOne(entry, { session });
    });
    show(secret);
    return key._id;
  } finally {
    await connection.close();
  }
}

/** @throws Error for a role or a project that is not there. */
async function assertExisting(connection: Connection, { roles, project_ids }: Grant): Promise<void> {
  for (const name of roles.filter((role) => !isBuiltInRole(role))) {
    if (!(await connection.collection('roles').findOne({ name })))
      throw new Error(`--role ${name}: there is none`);
  }
  for (const id of project_ids ?? []) {
    const found = await connection.collection<{ _id: string }>('projects').findOne({ _id: id });
    if (!found) throw new Error(`--project ${id}: there is none`);
  }
}
