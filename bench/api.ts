import autocannon from 'autocannon';
import { setTimeout as sleep } from 'node:timers/promises';
import type * as database from '../libs/database/src/index.js';
import type * as domain from '../libs/domain/src/index.js';
import type * as platform from '../libs/platform/src/index.js';
import { noop } from '../test/support/nodes.js';
import { Tauro } from '../test/support/tauro.js';
import { User } from '../test/support/user.js';
import { type Figure } from './figure.js';

/* eslint-disable @typescript-eslint/no-require-imports -- paths that exist only after the build */
const { Migrator } = require('../dist/libs/database/src/index.js') as typeof database;
const { newId } = require('../dist/libs/domain/src/index.js') as typeof domain;
const { loadEnv } = require('../dist/libs/platform/src/index.js') as typeof platform;
/* eslint-enable */

/** Less only to try the measure itself. */
const RUNS = Number(process.env.BENCH_RUNS ?? 1_000_000);
const BATCH = 5000;
const PROJECTS = 25;
const PIPELINES_PER_PROJECT = 4;
/** As often as in the example of the API's documentation: 96 % end well. */
const STATES = ['FAILED', 'FAILED', 'CANCELLED', 'PENDING'];
const ASKED = 300;
/** The page that is read beside the first. */
const FAR_PAGE = Math.min(10_000, Math.floor((RUNS * 0.9) / 50));
const CREATED_PER_SECOND = 200;
const CREATE_SECONDS = 10;

interface Stored {
  projects: string[];
  pipelines: { id: string; project: string }[];
  /** In the order of their creation. */
  ids: string[];
}

/** What clients wait for when a million runs are stored. */
export async function measureApi(): Promise<Figure[]> {
  // What it asks for comes faster than a client may ask; workers leave what is only created alone.
  const tauro = await Tauro.start({ workers: 1, env: { RECONCILE_SECONDS: '0.1', LOG_LEVEL: 'WARNING' } });
  try {
    const stored = await store(tauro);
    return [
      ...(await lists(tauro, stored)),
      ...(await statistics(tauro, stored)),
      await creates(tauro, stored),
      ...(await mixed(tauro, stored)),
    ];
  } finally {
    await tauro.stop();
  }
}

/** Runs like one that a user has made, spread over projects, pipelines and ninety days, stored without the API. */
async function store(tauro: Tauro): Promise<Stored> {
  const user = new User(tauro.api);
  const projects: string[] = [];
  const pipelines: Stored['pipelines'] = [];
  for (let i = 0; i < PROJECTS; i++) {
    const project = await user.project();
    projects.push(project);
    for (let j = 0; j < PIPELINES_PER_PROJECT; j++) {
      pipelines.push({ id: (await user.pipeline(project, [noop('only')])).id, project });
    }
  }
  const { id } = await user.ended(await user.start(projects[0]!, pipelines[0]!.id));
  await Promise.all(tauro.workers.map((worker) => worker.stop()));

  const runs = tauro.database.collection<Record<string, unknown> & { _id: string }>('pipeline_runs');
  const { engine: all, ...model } = (await runs.findOne({ _id: id }))!;
  const { check_at: _, ...engine } = all as Record<string, unknown>;
  const migrator = await Migrator.open(loadEnv([], tauro.env), { say: (line) => console.error(line) });
  // Building an index once costs far less than adding to it a million times.
  await migrator.down(1);
  const ids: string[] = [];
  const first = Date.now() - 90 * 86_400_000;
  const step = (90 * 86_400_000 - 60_000) / RUNS;
  for (let made = 0; made < RUNS; made += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, RUNS - made) }, (_, i) => {
      const n = made + i;
      const at = new Date(first + n * step);
      const pipeline = pipelines[(n * 7919) % pipelines.length]!;
      const state = n % 25 === 0 ? STATES[(n / 25) % STATES.length]! : 'SUCCESS';
      const ended = state !== 'PENDING';
      const _id = newId('run', at.getTime());
      ids.push(_id);
      return {
        ...model,
        _id,
        project_id: pipeline.project,
        pipeline_id: pipeline.id,
        state,
        tags: { team: `team_${n % 40}` },
        created_at: at,
        updated_at: at,
        started_at: ended ? at : null,
        finished_at: ended ? new Date(at.getTime() + 3000) : null,
        duration_seconds: ended ? 3 + (n % 100) : null,
        expires_at: ended ? new Date(Date.now() + 86_400_000) : null,
        engine,
      };
    });
    await runs.insertMany(batch, { ordered: false, writeConcern: { w: 1 } });
    if (made % 100_000 === 0) console.error(`stored ${made + batch.length} runs`);
  }
  const began = performance.now();
  await migrator.up();
  await migrator.close();
  console.error(`indexed and counted them in ${((performance.now() - began) / 1000).toFixed(0)} s`);
  await tauro.addWorker();
  return { projects, pipelines, ids: ids.sort() };
}

async function lists(tauro: Tauro, { projects, pipelines, ids }: Stored): Promise<Figure[]> {
  const far = ids.length - 50 * FAR_PAGE;
  const month = new Date(Date.now() - 30 * 86_400_000).toISOString();
  const filtered = (i: number): string => {
    const project = projects[i % projects.length]!;
    const filters = [
      `project_id=${project}`,
      `project_id=${project}&state=FAILED`,
      `pipeline_id=${pipelines[i % pipelines.length]!.id}`,
      `state=FAILED,CANCELLED&created_after=${month}`,
      `tags.team=team_${i % 40}`,
    ];
    return `/api/v1/runs?limit=50&${filters[i % filters.length]!}`;
  };
  return [
    await latency(tauro, `list of ${RUNS.toLocaleString('en')} runs, filtered, p95`, 25, filtered),
    await latency(tauro, 'page 1 of state=SUCCESS, p95', 25, () => '/api/v1/runs?limit=50&state=SUCCESS'),
    await latency(
      tauro,
      `page ${FAR_PAGE.toLocaleString('en')} of it by cursor, p95`,
      25,
      (i) => `/api/v1/runs?limit=50&state=SUCCESS&cursor=${ids[far - i]!}`,
    ),
  ];
}

async function statistics(tauro: Tauro, { projects, pipelines }: Stored): Promise<Figure[]> {
  // None of them is asked twice, or a cache would answer.
  const since = (i: number): string => new Date(Date.now() - (i + 1) * 7 * 3_600_000).toISOString();
  return [
    await latency(
      tauro,
      'statistics over a window, not cached, p95',
      20,
      (i) => `/api/v1/statistics?since=${since(i)}`,
    ),
    await latency(tauro, 'statistics of a project or a pipeline, p95', 20, (i) =>
      i % 2 === 0
        ? `/api/v1/projects/${projects[i % projects.length]!}/stats`
        : `/api/v1/pipelines/${pipelines[i % pipelines.length]!.id}/stats?since=30 days`,
    ),
  ];
}

/** One client that asks again as soon as it has its answer. */
async function latency(
  tauro: Tauro,
  what: string,
  atMost: number,
  path: (i: number) => string,
): Promise<Figure> {
  const times: number[] = [];
  for (let i = -30; i < ASKED; i++) {
    const began = performance.now();
    const answer = await fetch(tauro.url + path(Math.abs(i)));
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`${path(Math.abs(i))} answered ${answer.status}`);
    if (i >= 0) times.push(performance.now() - began);
  }
  return { what, measured: percentile(times, 95), unit: 'ms', atMost };
}

/** At a fixed rate, whatever the answers take: a server that falls behind is not asked less. */
async function creates(tauro: Tauro, { pipelines }: Stored): Promise<Figure> {
  const times: number[] = [];
  const asked: Promise<void>[] = [];
  const began = performance.now();
  const create = async (i: number, due: number): Promise<void> => {
    const { id, project } = pipelines[i % pipelines.length]!;
    const answer = await fetch(`${tauro.url}/api/v1/runs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ project_id: project, pipeline_id: id }),
    });
    await answer.arrayBuffer();
    if (answer.status !== 201) throw new Error(`POST /runs answered ${answer.status}`);
    times.push(performance.now() - due);
  };
  for (let i = 0; i < CREATED_PER_SECOND * CREATE_SECONDS; i++) {
    const due = began + (i * 1000) / CREATED_PER_SECOND;
    const wait = due - performance.now();
    if (wait > 1) await sleep(wait);
    asked.push(create(i, due));
  }
  await Promise.all(asked);
  return {
    what: `POST /runs at ${CREATED_PER_SECOND}/s, p95`,
    measured: percentile(times, 95),
    unit: 'ms',
    atMost: 20,
  };
}

/** What people and programs do, nine reads to one write. */
async function mixed(tauro: Tauro, { projects, pipelines, ids }: Stored): Promise<Figure[]> {
  const project = projects[1]!;
  const get = (path: string) => ({ method: 'GET' as const, path: `/api/v1${path}` });
  const one = get(`/runs/${ids.at(-1)!}`);
  const options = {
    url: tauro.url,
    connections: 20,
    requests: [
      one,
      get(`/runs?project_id=${project}&limit=10&fields=state`),
      one,
      get(`/projects/${project}`),
      one,
      get('/statistics'),
      get(`/pipelines/${pipelines[4]!.id}`),
      one,
      get(`/runs?state=FAILED&limit=10&fields=state`),
      {
        method: 'POST' as const,
        path: '/api/v1/runs',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ project_id: pipelines[4]!.project, pipeline_id: pipelines[4]!.id }),
      },
    ],
  };
  await autocannon({ ...options, duration: 3 });
  const result = await autocannon({ ...options, duration: 15 });
  if (result.non2xx > 0) throw new Error(`${result.non2xx} answers of the mix were no success`);
  return [
    { what: 'mixed requests, 20 clients', measured: result.requests.average, unit: 'req/s', atLeast: 500 },
    { what: 'the same, 99th percentile', measured: result.latency.p99, unit: 'ms', atMost: 100 },
  ];
}

const percentile = (values: number[], p: number): number =>
  [...values].sort((a, b) => a - b)[Math.ceil((values.length * p) / 100) - 1]!;
