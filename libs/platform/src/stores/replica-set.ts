import { setTimeout as sleep } from 'node:timers/promises';

const PRIMARY_MS = 30_000;

/** Makes a server the only member of replica set rs0 (transactions and change streams need one) and waits for it. */
export async function ensurePrimary(port: number): Promise<void> {
  const { mongo } = await import('mongoose');
  const client = new mongo.MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: PRIMARY_MS,
  });
  try {
    const admin = client.db('admin');
    const host = `127.0.0.1:${port}`;
    const deadline = performance.now() + PRIMARY_MS;
    for (;;) {
      try {
        const hello = await admin.command({ hello: 1 });
        if (hello.isWritablePrimary === true) return;
        await configure(admin, host);
      } catch (error) {
        // A server hangs up on everybody when its role in the set changes.
        if (!(error instanceof mongo.MongoNetworkError) || performance.now() > deadline) throw error;
      }
      if (performance.now() > deadline) throw new Error(`MongoDB on port ${port} does not become primary`);
      await sleep(20);
    }
  } finally {
    await client.close();
  }
}

interface AdminDb {
  command(command: Record<string, unknown>): Promise<Record<string, unknown>>;
}

interface ReplicaSetConfig {
  version: number;
  members: { _id: number; host: string }[];
}

/** Also after the port changed, for which the member has to be renamed by force: nobody is primary then. */
async function configure(admin: AdminDb, host: string): Promise<void> {
  const config = await currentConfig(admin);
  if (config === undefined) {
    await admin.command({ replSetInitiate: { _id: 'rs0', members: [{ _id: 0, host }] } });
  } else if (config.members[0]?.host !== host) {
    const renamed = { ...config, version: config.version + 1, members: [{ ...config.members[0], host }] };
    await admin.command({ replSetReconfig: renamed, force: true });
  }
}

const NOT_YET_INITIALIZED = 94;

async function currentConfig(admin: AdminDb): Promise<ReplicaSetConfig | undefined> {
  try {
    const answer = await admin.command({ replSetGetConfig: 1 });
    return answer.config as ReplicaSetConfig;
  } catch (error) {
    if ((error as { code?: number }).code === NOT_YET_INITIALIZED) return undefined;
    throw error;
  }
}
