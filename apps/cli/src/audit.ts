import { hostname, userInfo } from 'node:os';

import { type AuditEntry, connectOptions } from '@tauro/database';
import { newId } from '@tauro/domain';
import { type Env } from '@tauro/platform';
import mongoose from 'mongoose';

/** What a command did, for the audit log; whoever gave it is known by their login alone. */
export function commandEntry(
  action: string,
  about: Partial<Pick<AuditEntry, 'resource_kind' | 'resource_ids' | 'outcome'>> = {},
): AuditEntry {
  const now = new Date();
  const login = loginName();
  return {
    _id: newId('aud', now.getTime()),
    created_at: now,
    actor_kind: 'cli',
    actor_id: login,
    actor_name: `${login} on ${hostname()}`,
    action,
    method: null,
    path: null,
    resource_kind: null,
    resource_ids: [],
    project_id: null,
    before_hash: null,
    after_hash: null,
    status: null,
    outcome: 'SUCCESS',
    replayed: false,
    request_id: null,
    client_address: null,
    ...about,
  };
}

/** Adds an entry to the audit log. @throws when the database is away. */
export async function writeDown(env: Env, entry: AuditEntry): Promise<void> {
  const connection = await mongoose.createConnection(env.MONGODB_URL!, connectOptions(env)).asPromise();
  try {
    await connection.collection<AuditEntry>('audit').insertOne(entry);
  } finally {
    await connection.close();
  }
}

/** A container may run as a user that has no name. */
function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
