import { type Env } from '@tauro/platform';

import { type Terminal } from '../supervisor/terminal.js';
import { ApiClient, ApiError } from './api-client.js';
import { followLog, type LogLine } from './log-stream.js';
import { progressOn } from './progress.js';
import { resultOf } from './result.js';
import { type Project, type Run, type TaskView } from './run-views.js';
import { textTable } from './table.js';

const PROJECT = {
  name: 'etl_project',
  description: 'Production ETL pipeline',
  owner: 'data-team@company.com',
};
const PIPELINE = 'daily_etl';
const RUN = {
  params: { date: '2025-11-18', mode: 'full_refresh' },
  tags: { environment: 'production', team: 'analytics' },
};
const LOOK_AGAIN_MS = 1_000;

/** Does over HTTP what a newcomer would: a project, a run, its progress, log, statistics and result. */
export async function runDemo(url: string, env: Env, terminal: Terminal): Promise<boolean> {
  const api = new ApiClient(
    url,
    env.BOOTSTRAP_API_KEY ? { [env.API_KEY_HEADER]: env.BOOTSTRAP_API_KEY } : {},
  );
  const say = (line: string): void => terminal.say(line);
  const title = (text: string): void => say(`\n${terminal.paint('bold', text)}`);

  title('A project, and a run of daily_etl in it');
  const project = await ensureProject(api, say);
  const created = await api.post<Run>('/runs', { project_id: project.id, pipeline_id: PIPELINE, ...RUN });
  await api.post(`/runs/${created.id}/start`);
  say(`  POST /api/v1/runs                ${created.id}`);
  say(`  POST /api/v1/runs/${created.id}/start`);

  title('Progress');
  const log = await follow(api, created.id, terminal);
  const run = await api.get<Run>(`/runs/${created.id}`);
  const tasks = await allTasks(api, created.id);
  const { rows_processed: rows, bytes_processed: bytes } = run.metrics;
  say(
    `  ${run.state} after ${run.duration_seconds ?? 0} s: ${rows.toLocaleString('en')} rows, ${megabytes(bytes)}`,
  );

  title('Log');
  for (const line of log) say(`  ${line.timestamp.slice(11, 23)} ${line.level.padEnd(8)} ${line.message}`);

  title('Statistics of the project');
  const statistics = await api.get<Record<string, unknown>>(`/projects/${project.id}/statistics`);
  for (const [name, value] of Object.entries(statistics))
    say(`  ${name.padEnd(24)} ${JSON.stringify(value)}`);

  await showResult(tasks, { say, title });
  title('Look around');
  say(`  Docs      ${url}/docs`);
  say(`  The run   ${url}/api/v1/runs/${run.id}`);
  say(`  Its tasks ${url}/api/v1/runs/${run.id}/tasks`);
  say(`  The DAG   ${url}/api/v1/pipelines/${PIPELINE}/dag?format=mermaid`);
  if (env.ENABLE_METRICS) say(`  Metrics   ${url}/metrics`);
  say('');
  return run.state === 'SUCCESS';
}

type Say = (line: string) => void;

/** A project of this name is there already when the demo ran before. */
async function ensureProject(api: ApiClient, say: Say): Promise<Project> {
  try {
    const project = await api.post<Project>('/projects', PROJECT);
    say(`  POST /api/v1/projects            ${project.id} (${project.name})`);
    return project;
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 409)) throw error;
  }
  for (let offset = 0; ; offset += 100) {
    const page = await api.get<Project[]>(`/projects?limit=100&offset=${offset}`);
    const found = page.find((project) => project.name.toLowerCase() === PROJECT.name);
    if (found) {
      say(`  GET  /api/v1/projects            ${found.id} (${found.name}, from an earlier demo)`);
      return found;
    }
    if (page.length < 100) throw new Error(`the project ${PROJECT.name} exists, but is not listed`);
  }
}

/** Every line of the log is a reason to look at the tasks; once a second one looks anyway. */
async function follow(api: ApiClient, runId: string, terminal: Terminal): Promise<LogLine[]> {
  const progress = progressOn(terminal);
  const lines: LogLine[] = [];
  let looking: Promise<void> | undefined;
  const look = (): void => {
    looking ??= allTasks(api, runId)
      .then((tasks) => progress.show(tasks))
      .finally(() => (looking = undefined));
    // A failed look is not the run's failure; the next one tells.
    looking.catch(() => undefined);
  };
  const timer = setInterval(look, LOOK_AGAIN_MS);
  try {
    look();
    for await (const line of followLog(api, runId)) {
      lines.push(line);
      look();
    }
    await looking?.catch(() => undefined);
    progress.show(await allTasks(api, runId));
    return lines;
  } finally {
    clearInterval(timer);
    progress.end();
  }
}

const allTasks = (api: ApiClient, runId: string): Promise<TaskView[]> =>
  api.get(`/runs/${runId}/tasks?limit=100`);

async function showResult(tasks: TaskView[], { say, title }: { say: Say; title: Say }): Promise<void> {
  const result = await resultOf(tasks);
  if (result) {
    title(`Result: the first ${result.rows.length} rows of ${result.from}`);
    say(textTable(result.columns, result.rows).replace(/^/gm, '  '));
  }
  for (const { node_id, error } of tasks) if (error) say(`  ${node_id}: ${error.type}: ${error.message}`);
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
