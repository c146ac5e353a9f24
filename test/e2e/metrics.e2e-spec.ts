import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { noop } from '../support/nodes.js';
import { ROOT } from '../support/server-process.js';
import { freePort, Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';
import { waitFor } from '../support/wait-for.js';

const docs = (path: string): string => readFileSync(join(ROOT, 'docs', path), 'utf8');

/** A metric as a scrape or the documentation tells it. */
interface Metric {
  name: string;
  type: string;
}

/** What Prometheus makes of a metric of this type. */
const SERIES: Record<string, string[]> = {
  counter: [''],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
};

describe('the metrics', () => {
  let tauro: Tauro;
  let user: User;
  let workerUrl: string;

  beforeAll(async () => {
    const port = String(await freePort());
    workerUrl = `http://127.0.0.1:${port}/metrics`;
    tauro = await Tauro.start({ env: { PROMETHEUS_PORT: port } });
    user = new User(tauro.api);
  });
  afterAll(() => tauro?.stop());

  const scrape = async (url = `${tauro.url}/metrics`): Promise<string> => (await fetch(url)).text();
  const metricsOf = (text: string): Metric[] =>
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => ({ name: name!, type: type! }));
  const ours = (metrics: Metric[]): Metric[] =>
    metrics.filter(({ name }) => name.startsWith('tauro_')).sort((a, b) => (a.name < b.name ? -1 : 1));
  const value = (text: string, series: string): number =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${series} `))
        ?.split(' ')[1] ?? NaN,
    );

  it('are those of docs/metrics.md, by the processes it says', async () => {
    const rows = [...docs('metrics.md').matchAll(/^\| `(tauro_\w+)`\s*\| (\w+)\s*\| (\w+)\s*\|/gm)];
    const told = (by: string): Metric[] =>
      ours(
        rows
          .filter(([, , , who]) => who === by || who === 'both')
          .map(([, name, type]) => ({ name: name!, type: type! })),
      );
    expect(rows.length).toBeGreaterThan(20);
    expect(ours(metricsOf(await scrape()))).toEqual(told('API'));
    expect(ours(metricsOf(await scrape(workerUrl)))).toEqual(told('worker'));
  });

  it('count requests by template and class, and runs with what they took', async () => {
    const runId = await user.startNew([noop('only')]);
    await user.ended(runId);
    await tauro.api.get('/api/v1/runs/run_nope');
    await tauro.api.get('/nowhere/at/all');
    const text = await waitFor(
      async () => {
        const found = await scrape();
        return value(found, 'tauro_run_duration_seconds_count') >= 1 ? found : undefined;
      },
      { what: 'the run to be counted' },
    );
    expect(value(text, 'tauro_runs_total{state="SUCCESS"}')).toBe(1);
    expect(value(text, 'tauro_run_duration_seconds_bucket{le="14400"}')).toBe(1);
    const requests = (method: string, route: string, status: string): number =>
      value(
        text,
        `tauro_http_request_duration_seconds_count{method="${method}",route="${route}",status="${status}"}`,
      );
    expect(requests('POST', '/api/v1/runs', '2xx')).toBe(1);
    expect(requests('GET', '/api/v1/runs/{run_id}', '2xx')).toBeGreaterThanOrEqual(1);
    expect(requests('GET', '/api/v1/runs/{run_id}', '4xx')).toBe(1);
    expect(requests('GET', 'none', '4xx')).toBe(1);
    expect(text).not.toContain(runId);
    for (const store of ['mongodb', 'redis']) {
      const series = `tauro_store_latency_seconds_count{store="${store}",outcome="ok"}`;
      expect(value(await scrape(), series)).toBeGreaterThan(value(text, series));
    }
    for (const queue of ['tasks', 'wakes', 'schedules'])
      expect(value(text, `tauro_queue_age_seconds{queue="${queue}"}`)).toBe(0);
    expect(value(await scrape(workerUrl), 'tauro_task_wait_seconds_count{type="task"}')).toBe(1);
  });

  it('tell for how long the next job has been waiting when nobody takes any', async () => {
    await tauro.workers[0]!.stop();
    await user.startNew([noop('left')]);
    const age = await waitFor(
      async () => {
        const seconds = value(await scrape(), 'tauro_queue_age_seconds{queue="tasks"}');
        return seconds > 0.2 ? seconds : undefined;
      },
      { what: 'the age of the job' },
    );
    expect(age).toBeLessThan(60);
  });

  describe('that are asked for', () => {
    const known = async (): Promise<Set<string>> =>
      new Set(
        metricsOf(await scrape()).flatMap(({ name, type }) => SERIES[type]!.map((suffix) => name + suffix)),
      );
    const workerOnly = [...docs('metrics.md').matchAll(/^\| `(\w+)`\s*\| (\w+)\s*\| worker /gm)].flatMap(
      ([, name, type]) => SERIES[type!]!.map((suffix) => name! + suffix),
    );
    const unknown = async (expressions: string[]): Promise<string[]> => {
      const names = expressions.flatMap((text) => text.match(/\b(tauro|nodejs|process)_\w+/g) ?? []);
      expect(names.length).toBeGreaterThanOrEqual(expressions.length - 1);
      const found = await known();
      return names.filter((name) => !found.has(name) && !workerOnly.includes(name));
    };

    it('by the dashboard exist', async () => {
      const { panels } = JSON.parse(docs('monitoring/grafana-dashboard.json')) as {
        panels: { title: string; targets?: { expr: string }[] }[];
      };
      const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
      expect(expressions.length).toBeGreaterThan(20);
      expect(await unknown(expressions)).toEqual([]);
    });

    it('by the alert rules exist', async () => {
      const { groups } = parse(docs('monitoring/alert-rules.yml')) as {
        groups: { rules: { alert: string; expr: string; annotations: Record<string, string> }[] }[];
      };
      const rules = groups.flatMap((group) => group.rules);
      expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
      for (const { annotations } of rules)
        expect(Object.keys(annotations)).toEqual(['summary', 'description']);
      expect(await unknown(rules.map(({ expr }) => expr))).toEqual([]);
    });
  });
});
