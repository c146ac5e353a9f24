import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { codeBlocks } from '../support/markdown.js';
import { noop } from '../support/nodes.js';
import { runProgram } from '../support/shell.js';
import { ROOT } from '../support/server-process.js';
import { Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON as the server answers it */

// The product's founding document is not part of this repository; its snippets run where a copy lies at hand.
const SEED = resolve(process.env.TAURO_SEED ?? join(ROOT, '../shared/seed/tauro-api.md'));
const PYTHON = '/usr/bin/python3';

const missing = [
  ...(existsSync(SEED) ? [] : [`no seed document at ${SEED} (set TAURO_SEED)`]),
  ...['curl', 'jq', 'bash']
    .filter((name) => spawnSync('which', [name]).status !== 0)
    .map((name) => `no ${name}`),
];
const pythonReady = spawnSync(PYTHON, ['-c', 'import requests, httpx']).status === 0;
if (!pythonReady) missing.push(`${PYTHON} lacks requests or httpx (apt: python3-requests python3-httpx)`);
if (missing.length > 0) process.stderr.write(`seed snippets skipped: ${missing.join('; ')}\n`);

const withShell = missing.length > (pythonReady ? 0 : 1) ? describe.skip : describe;
const withPython = missing.length > 0 ? describe.skip : describe;

/**
 * The snippets as they stand in the document. Only two things are changed: the server's address, for tests use
 * a free port, and its made-up ids, which no server can know.
 */
function snippet(heading: string, language: string): string {
  const found = codeBlocks(readFileSync(SEED, 'utf8')).find(
    (block) => block.language === language && block.under.at(-1)!.includes(heading),
  );
  if (!found) throw new Error(`the seed has no ${language} snippet under '${heading}'`);
  return found.code;
}

/** What a person would type of a snippet: not the answers printed below it, nor what opens a browser. */
const typed = (code: string): string =>
  code.split(/^# (?:Response|Sample metrics)/m)[0]!.replace(/^(open|watch|pip|py-spy) .*$/gm, '');

describe('the snippets of the seed document', () => {
  let tauro: Tauro;
  const here = (code: string): string => code.replaceAll('http://localhost:8000', tauro.url);
  const bash = (code: string) => runProgram(['bash', '-eu'], here(typed(code)));
  const python = (code: string) => runProgram([PYTHON, '-'], here(code));

  beforeAll(async () => {
    if (withShell === describe) tauro = await Tauro.start({ exampleData: true });
  });
  afterAll(() => tauro?.stop());

  withShell('by curl and jq', () => {
    it('Verify Installation', async () => {
      const { code, stdout } = await bash(snippet('Verify Installation', 'bash'));
      expect(code).toBe(0);
      expect(stdout).toContain('"healthy"');
      expect(stdout).toMatch(/"version"/);
      expect(stdout).not.toContain('"error":{');
    });

    it('First API Call', async () => {
      const { code, stdout } = await bash(snippet('First API Call', 'bash'));
      expect(code).toBe(0);
      expect(JSON.parse(stdout).data).toMatchObject({
        id: expect.stringMatching(/^proj_/),
        name: 'my_first_project',
        created_at: expect.stringMatching(/Z$/),
      });
    });

    it('Example 1: a complete ETL workflow', async () => {
      const { code, stdout } = await bash(snippet('Example 1', 'bash'));
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: expect.stringMatching(/State: SUCCESS \| Progress: 100/),
      });
      expect(stdout).toMatch(/Created project: proj_[A-Za-z0-9]+/);
      expect(stdout).toMatch(/Created run: run_[A-Za-z0-9]+/);
      expect(stdout).toMatch(/"total_runs": 1/);
      expect(stdout).not.toContain('"error":{');
    });

    it('Example 2: automated daily scheduling', async () => {
      const project = await new User(tauro.api).project();
      const code = snippet('Example 2', 'bash').replace('proj_abc123', project);
      const { code: exit, stdout } = await bash(code);
      expect({ exit, stdout }).toEqual({
        exit: 0,
        stdout: expect.stringMatching(/Created schedule: sched_\w+/),
      });
      expect(stdout).not.toContain('"error":{');
      const id = /sched_\w+/.exec(stdout)![0];
      const backfill = await waitFor(
        async () => {
          const { data } = (await tauro.api.get(`/api/v1/backfills?schedule_id=${id}`)).body;
          const { created_runs, successful_runs, failed_runs } = data[0].progress;
          if (failed_runs > 0 || created_runs < 30 || successful_runs < 3)
            throw new Error(JSON.stringify(data[0]));
          return data[0];
        },
        { what: 'thirty days to have runs, and three to be done' },
      );
      // The others would take a minute.
      expect((await tauro.api.post(`/api/v1/backfills/${backfill.id}/cancel`)).status).toBe(202);
      const schedule = (await tauro.api.get(`/api/v1/schedules/${id}`)).body.data;
      expect(schedule).toMatchObject({
        enabled: true,
        expression: '0 2 * * *',
        next_run_at: expect.stringMatching(/T02:00:00\.000Z$/),
        statistics: { total_runs: 30, failed_runs: 0 },
      });
    });

    it('Example 4: batch operations', async () => {
      const project = await new User(tauro.api).project();
      // Its ids are made up: those of the runs are known only once the first call is made.
      const [create, start] = snippet('Example 4', 'bash')
        .replaceAll('proj_123', project)
        .split(/^(?=# Start all runs)/m) as [string, string];
      const created = JSON.parse((await bash(create)).stdout).data;
      expect(created.map((run: any) => [run.pipeline_name, run.state, run.params])).toEqual(
        ['etl_1', 'etl_2', 'etl_3'].map((name) => [name, 'PENDING', { date: '2025-11-18' }]),
      );
      const ids = created.map(({ id }: { id: string }) => id);
      const { code, stdout } = await bash(start.replace(/run_([123])/g, (_, n) => ids[Number(n) - 1]));
      expect(code).toBe(0);
      expect(stdout).toContain('All runs started');
      expect(stdout).not.toContain('"error":{');
      for (const id of ids) expect((await new User(tauro.api).ended(id)).state).toBe('SUCCESS');
    });

    it('Health Check Endpoint', async () => {
      const { stdout } = await bash(snippet('Health Check Endpoint', 'bash'));
      expect(JSON.parse(stdout)).toMatchObject({
        status: 'healthy',
        checks: { database: 'ok', scheduler: 'ok' },
      });
    });

    it('Statistics Endpoint', async () => {
      const { stdout } = await bash(snippet('Statistics Endpoint', 'bash'));
      expect(Object.keys(JSON.parse(stdout).data)).toEqual(
        expect.arrayContaining([
          'total_projects',
          'total_pipelines',
          'total_runs',
          'runs_by_state',
          'average_duration_seconds',
          'success_rate',
        ]),
      );
    });

    it('Prometheus Metrics', async () => {
      const { stdout } = await bash(snippet('Prometheus Metrics', 'bash'));
      for (const name of ['tauro_runs_total', 'tauro_run_duration_seconds', 'tauro_active_runs']) {
        expect(stdout).toContain(`# TYPE ${name} `);
      }
    });

    it.each(['Pagination', 'API Documentation', 'Performance Issues'])('%s', async (heading) => {
      const { code, stdout } = await bash(snippet(heading, 'bash'));
      expect(code).toBe(0);
      expect(stdout).not.toMatch(/^\{"error"/m);
      expect(stdout.length).toBeGreaterThan(50);
    });
  });

  withPython('by Python', () => {
    it('Example 3: log streaming with requests', async () => {
      const runId = await new User(tauro.api).startNew([noop('only')]);
      const { code, stdout, stderr } = await python(
        snippet('Example 3', 'python').replace('run_xyz789', runId),
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const lines = stdout.trim().split('\n');
      expect(lines.length).toBeGreaterThanOrEqual(4);
      for (const line of lines) expect(line).toMatch(/^\[\d{4}-\d\d-\d\dT[\d:.]+Z\] [A-Z]+: \S/);
    });

    it('Example 5: a client with httpx', async () => {
      const { code, stdout, stderr } = await python(snippet('Example 5', 'python'));
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('Run completed with state: SUCCESS');
    });
  });
});
