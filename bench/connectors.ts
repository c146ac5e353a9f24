import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createReadStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { chain } from '../test/support/nodes.js';
import { hasPostgres, PostgresServer } from '../test/support/postgres.js';
import { S3Server } from '../test/support/s3.js';
import { Tauro } from '../test/support/tauro.js';
import { expectStatus, User } from '../test/support/user.js';
import { type Figure, median } from './figure.js';
import { watchMemory } from './memory.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

const ROUNDS = 3;
const ROWS = 1_000_000;
/** Less only to try the measure itself. */
const LARGE_GB = Number(process.env.BENCH_GB ?? 10);
const BUCKET = 'bench';
/** Of the worker with all its processes, in MB. */
const MOST_MEMORY = 1000;

const SECRET_KEY = randomBytes(32).toString('base64');

/** Rows as of flights, some 75 bytes each as CSV. */
const flights = (rows: string): string =>
  `SELECT i AS id, DATE '2001-01-01' + (i % 365)::INT AS day, 'A' || i % 300 AS origin, 'B' || i % 299 AS destination,
     (i % 1000 * 7919 % 200)::INT - 20 AS delay, (i % 3000)::INT AS distance, md5(i::TEXT) AS ticket FROM ${rows}`;

/** What a node that reads or writes a table of PostgreSQL costs beside `psql \\copy` of the same rows. */
export async function measurePostgresql(): Promise<Figure[]> {
  if (!hasPostgres()) throw new Error('no PostgreSQL server is installed');
  const server = await PostgresServer.start();
  const tauro = await Tauro.start({ env: { SECRET_KEY } });
  const folder = mkdtempSync(join(tmpdir(), 'tauro-copy-'));
  try {
    await server.query(`CREATE TABLE flights AS ${flights(`generate_series(1, ${ROWS}) AS made(i)`)}`);
    for (const name of ['by_psql', 'by_node']) await server.query(`CREATE TABLE ${name} (LIKE flights)`);
    const user = new User(tauro.api);
    const project = await user.project();
    await connect(tauro, project, 'warehouse', 'postgresql', server.config, { password: server.password });
    const source = {
      id: 'source',
      type: 'source',
      config: { source_type: 'postgresql', connection: 'warehouse', table: 'flights' },
    };
    const sink = {
      id: 'sink',
      type: 'sink',
      config: { destination: 'postgresql', connection: 'warehouse', table: 'by_node' },
    };
    const { id } = await user.pipeline(project, [source, sink], { edges: chain('source', 'sink') });
    const file = join(folder, 'flights.csv');
    const times: Record<'out' | 'in' | 'source' | 'sink', number[]> = {
      out: [],
      in: [],
      source: [],
      sink: [],
    };
    for (let round = 0; round < ROUNDS; round++) {
      times.out.push(await psql(server, `\\copy flights TO '${file}' CSV`));
      await server.query('TRUNCATE by_psql');
      times.in.push(await psql(server, `\\copy by_psql FROM '${file}' CSV`));
      await server.query('TRUNCATE by_node');
      const seconds = await taskSeconds(user, await user.start(project, id));
      times.source.push(seconds.source!);
      times.sink.push(seconds.sink!);
    }
    const rate = (of: number[]): number => ROWS / median(of);
    return [
      { what: 'psql \\copy out of PostgreSQL', measured: rate(times.out), unit: 'rows/s' },
      {
        what: 'a postgresql source',
        measured: rate(times.source),
        unit: 'rows/s',
        atLeast: 0.8 * rate(times.out),
      },
      { what: 'psql \\copy into PostgreSQL', measured: rate(times.in), unit: 'rows/s' },
      {
        what: 'a postgresql sink',
        measured: rate(times.sink),
        unit: 'rows/s',
        atLeast: 0.8 * rate(times.in),
      },
    ];
  } finally {
    await tauro.stop();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A file larger than all the memory that it may take, read, filtered and written, and sent to a store of objects. */
export async function measureLargeFiles(): Promise<Figure[]> {
  const store = await S3Server.start(BUCKET);
  const tauro = await Tauro.start({ env: { SECRET_KEY } });
  try {
    const bytes = await writeCsv(join(tauro.files, 'large.csv'), LARGE_GB);
    const user = new User(tauro.api);
    const project = await user.project();
    const config = { endpoint: store.url, region: 'us-east-1', bucket: BUCKET, path_style: true };
    await connect(tauro, project, 'store', 's3', config, store.keys);
    const nodes = [
      { id: 'source', type: 'source', config: { source_type: 'file', path: 'large.csv' } },
      {
        id: 'late',
        type: 'processor',
        config: { sql: 'SELECT *, delay > 15 AS late FROM source WHERE distance > 600' },
      },
      { id: 'sink', type: 'sink', config: { destination: 'file', path: 'late.csv' } },
      { id: 'upload', type: 'sink', config: { destination: 's3', connection: 'store', key: 'late.csv' } },
    ];
    const edges = [...chain('source', 'late', 'sink'), ...chain('late', 'upload')];
    const { id } = await user.pipeline(project, nodes, { edges });
    const bare = await readingSeconds(join(tauro.files, 'large.csv'));
    const peak = watchMemory(tauro.workers[0]!.pid);
    const seconds = await taskSeconds(user, await user.start(project, id), 3_600_000);
    const memory = peak();
    const gb = bytes / 2 ** 30;
    return [
      { what: `reading ${gb.toFixed(1)} GB of CSV and no more`, measured: bare, unit: 's' },
      ...Object.entries(seconds).map(([node, measured]) => ({ what: `${node} of it`, measured, unit: 's' })),
      { what: 'worker and its processes, peak memory', measured: memory, unit: 'MB', atMost: MOST_MEMORY },
    ];
  } finally {
    await tauro.stop();
    await store.stop();
  }
}

async function connect(
  tauro: Tauro,
  project_id: string,
  name: string,
  kind: string,
  config: object,
  secret: object,
): Promise<void> {
  const body = { project_id, name, kind, config, secret };
  expectStatus(await tauro.api.post('/api/v1/connections', body), 201);
}

/** How long the last attempt of each node took, once all have ended well. */
async function taskSeconds(user: User, runId: string, timeout?: number): Promise<Record<string, number>> {
  const run = await user.ended(runId, timeout);
  const tasks: [string, any][] = Object.entries(await user.tasks(runId));
  if (run.state !== 'SUCCESS') throw new Error(JSON.stringify(tasks.map(([id, { error }]) => [id, error])));
  return Object.fromEntries(
    tasks.map(([id, task]) => [id, (Date.parse(task.finished_at) - Date.parse(task.started_at)) / 1000]),
  );
}

/** @returns seconds */
async function psql({ port, password }: PostgresServer, command: string): Promise<number> {
  const began = performance.now();
  const where = `host=127.0.0.1 port=${port} dbname=postgres user=tauro`;
  await promisify(execFile)('psql', [where, '-q', '-c', command], {
    env: { PATH: process.env.PATH, PGPASSWORD: password },
  });
  return (performance.now() - began) / 1000;
}

/** @returns its bytes */
async function writeCsv(path: string, gb: number): Promise<number> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '512MB', threads: '2' });
  const connection = await instance.connect();
  const rows = Math.round((gb * 2 ** 30) / 75);
  await connection.run(`COPY (${flights(`range(${rows}) AS made(i)`)}) TO '${path}' (FORMAT csv)`);
  connection.closeSync();
  instance.closeSync();
  return statSync(path).size;
}

/** @returns seconds */
async function readingSeconds(path: string): Promise<number> {
  const began = performance.now();
  for await (const _ of createReadStream(path, { highWaterMark: 1 << 20 })) void _;
  return (performance.now() - began) / 1000;
}
