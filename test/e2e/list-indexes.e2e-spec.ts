import { newId, RUN_STATES } from '@tauro/domain';
import { KEY_LIST } from '../../apps/api/src/auth/keys/key.list.js';
import { ROLE_LIST } from '../../apps/api/src/auth/roles/role.list.js';
import { ARTIFACT_LIST } from '../../apps/api/src/artifacts/artifact.list.js';
import { AUDIT_LIST } from '../../apps/api/src/audit/audit.list.js';
import { CONFIG_LIST, CONFIG_VERSION_LIST, PROMOTION_LIST } from '../../apps/api/src/configs/config.list.js';
import { NOTIFICATION_LIST } from '../../apps/api/src/notifications/notification.list.js';
import { DATASET_LIST } from '../../apps/api/src/lineage/dataset.list.js';
import { type ListSpec } from '../../apps/api/src/http/paging/list-spec.js';
import { PIPELINE_LIST, VERSION_LIST } from '../../apps/api/src/pipelines/pipeline.list.js';
import { POOL_LIST } from '../../apps/api/src/pools/pool.list.js';
import { PROJECT_LIST } from '../../apps/api/src/projects/project.list.js';
import { MARK_LIST } from '../../apps/api/src/marks/mark.list.js';
import { PIPELINE_QUALITY_LIST, RUN_QUALITY_LIST } from '../../apps/api/src/quality/quality.list.js';
import { RUN_LIST, TASK_LIST } from '../../apps/api/src/runs/run.list.js';
import { BACKFILL_LIST, SCHEDULE_LIST, SLOT_LIST } from '../../apps/api/src/schedules/schedule.list.js';
import { CONNECTION_LIST } from '../../apps/api/src/connections/connection.list.js';
import { SECRET_LIST } from '../../apps/api/src/secrets/secret.list.js';
import { EVENT_LIST, TRIGGER_LIST } from '../../apps/api/src/triggers/trigger.list.js';
import { VARIABLE_LIST } from '../../apps/api/src/variables/variable.list.js';
import { WORKER_LIST } from '../../apps/api/src/workers/worker.list.js';
import { noop } from '../support/nodes.js';
import { Tauro } from '../support/tauro.js';
import { User } from '../support/user.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- documents of any collection */

const COPIES = 600;
/** Filters of every kind accept one of these. */
const VALUES = ['true', '2025-01-01T00:00:00.000Z', ...RUN_STATES, '1', 'x'];
const PREFIXES = ['proj', 'pipe', 'run', 'sched', 'trg', 'cfg', 'cfgv'] as const;

/**
 * Few to sort, whatever is stored: the tasks of one run, the workers, the pipelines of one name, the keys that were revoked. And a range of one time in
 * the order of another: an index has the range or the order, and the planner weighs which is less.
 */
const isFew = (path: string, query: string): boolean =>
  /\/(tasks|artifacts)$|^workers$/.test(path) ||
  (path === 'keys' && /revoked=true/.test(query)) ||
  /(^|&)name=|started_(after|before)=/.test(query);

describe('the indexes', () => {
  let tauro: Tauro;
  let lists: { path: string; collection: string; spec: ListSpec }[];

  beforeAll(async () => {
    tauro = await Tauro.start({ workers: 0 });
    const user = new User(tauro.api);
    const project_id = await user.project();
    const { id: pipeline_id } = await user.pipeline(project_id, [noop('only')]);
    const run = await user.start(project_id, pipeline_id, { tags: { team: 'x' } });
    const post = async (path: string, body: object): Promise<string> => {
      const answer = await tauro.api.post(`/api/v1/${path}`, body);
      expect(answer.status).toBe(201);
      return answer.body.data.id;
    };
    const cron = { kind: 'CRON', expression: '0 0 1 1 *', enabled: false };
    const schedule = await post('schedules', { project_id, pipeline_id, ...cron });
    const trigger = await post('triggers', { project_id, pipeline_id, kind: 'WEBHOOK' });
    await post('pools', { name: 'x', slots: 1 });
    lists = [
      { path: 'projects', collection: 'projects', spec: PROJECT_LIST },
      { path: 'pipelines', collection: 'pipelines', spec: PIPELINE_LIST },
      { path: `pipelines/${pipeline_id}/versions`, collection: 'pipeline_versions', spec: VERSION_LIST },
      { path: 'runs', collection: 'pipeline_runs', spec: RUN_LIST },
      { path: `runs/${run}/tasks`, collection: 'tasks', spec: TASK_LIST },
      { path: `runs/${run}/artifacts`, collection: 'tasks', spec: ARTIFACT_LIST },
      { path: `runs/${run}/quality`, collection: 'quality_results', spec: RUN_QUALITY_LIST },
      {
        path: `pipelines/${pipeline_id}/quality`,
        collection: 'quality_results',
        spec: PIPELINE_QUALITY_LIST,
      },
      { path: `pipelines/${pipeline_id}/marks`, collection: 'source_marks', spec: MARK_LIST },
      { path: 'pools', collection: 'pools', spec: POOL_LIST },
      { path: 'schedules', collection: 'schedules', spec: SCHEDULE_LIST },
      { path: `schedules/${schedule}/slots`, collection: 'schedule_slots', spec: SLOT_LIST },
      { path: 'backfills', collection: 'backfills', spec: BACKFILL_LIST },
      { path: 'triggers', collection: 'triggers', spec: TRIGGER_LIST },
      { path: `triggers/${trigger}/events`, collection: 'trigger_events', spec: EVENT_LIST },
      { path: 'notifications', collection: 'notifications', spec: NOTIFICATION_LIST },
      { path: 'configs', collection: 'configs', spec: CONFIG_LIST },
      { path: 'config-versions', collection: 'config_versions', spec: CONFIG_VERSION_LIST },
      { path: 'config-promotions', collection: 'config_promotions', spec: PROMOTION_LIST },
      { path: 'datasets', collection: 'datasets', spec: DATASET_LIST },
      { path: 'audit', collection: 'audit', spec: AUDIT_LIST },
      { path: 'variables', collection: 'variables', spec: VARIABLE_LIST },
      { path: 'connections', collection: 'connections', spec: CONNECTION_LIST },
      { path: 'secrets', collection: 'secrets', spec: SECRET_LIST },
      { path: 'keys', collection: 'api_keys', spec: KEY_LIST },
      { path: 'roles', collection: 'roles', spec: ROLE_LIST },
      { path: 'workers', collection: 'workers', spec: WORKER_LIST },
    ];
    const backfill = await tauro.api.post(`/api/v1/schedules/${schedule}/backfill`, { count: 1 });
    expect(backfill.status).toBe(202);
    const owners = {
      quality_results: { run_id: run, pipeline_id },
      source_marks: { pipeline_id, project_id: null },
      schedule_slots: { schedule_id: schedule },
      trigger_events: { trigger_id: trigger, key: '' },
      configs: { name_key: '' },
      config_versions: { version: 0 },
      config_promotions: { name: '' },
      api_keys: { roles: ['x'], revoked_at: null },
      roles: { permissions: [] },
      // Some of them count as alive, and are asked what they can do.
      workers: { handlers: [], tags: [], commands: false, containers: false, kubernetes: false },
    };
    const first = lists.filter(
      ({ collection }, i) => lists.findIndex((one) => one.collection === collection) === i,
    );
    for (const { collection, spec } of first) await fill(collection, spec, owners);
  });
  afterAll(() => tauro.stop());

  /** Enough documents, spread over what the filters ask for, that a plan matters. */
  async function fill(collection: string, spec: ListSpec, owners: Record<string, object>): Promise<void> {
    const stored = tauro.database.collection<any>(collection);
    const [model = owners[collection] ?? {}] = await stored.find().toArray();
    const copies = Array.from({ length: COPIES }, (_, i) => {
      const at = new Date(Date.now() - i * 1000);
      const copy = { ...model, _id: `${collection}_${i}` };
      for (const [field, type] of Object.entries(spec.sortable)) {
        copy[field] = type.startsWith('date') ? at : type.startsWith('number') ? i : `${field}_${i}`;
      }
      for (const [name, filter] of Object.entries(spec.filters)) {
        if (spec.fields.includes(name) && !(name in (owners[collection] ?? {})) && i % 3 > 0)
          copy[name] = accepted(filter);
      }
      // What is unique stays so.
      for (const field of ['name', 'name_key', 'version', 'key', 'index', 'scheduled_for', 'node_id']) {
        if (field in copy)
          copy[field] =
            copy[field] instanceof Date ? at : typeof copy[field] === 'number' ? i + 100 : `${field}_${i}`;
      }
      if (collection === 'tasks') copy.index = null;
      if (collection === 'tasks')
        copy.engine = {
          ...copy.engine,
          artifact: { artifact: 'runs/none/x.parquet', rows: 1, bytes: 1, columns: [] },
        };
      if (copy.engine) copy.engine = { ...copy.engine, token_hash: `hash_${i}`, signature: undefined };
      return copy;
    });
    await stored.insertMany(copies, { ordered: false });
  }

  function accepted(filter: ListSpec['filters'][string]): any {
    for (const value of [...PREFIXES.map((prefix) => newId(prefix, 0)), ...VALUES, ...wordsOf(filter)]) {
      try {
        const parsed = filter.parse(value);
        return Array.isArray(parsed) ? parsed[0] : parsed;
      } catch {
        // Another one, then.
      }
    }
    throw new Error(`no value for a filter: ${filter.description}`);
  }
  /** Filters that take one of a few words tell them. */
  const wordsOf = ({ description, schema }: any): string[] => [
    ...(schema?.enum ?? []),
    ...(description.match(/[\w.]*\w/g) ?? []),
  ];

  /** The query of a filter as a client writes it. */
  const asked = (name: string, filter: ListSpec['filters'][string]): string => {
    const value = accepted(filter);
    const text = value instanceof Date ? value.toISOString() : String(value);
    return `${name.replace('*', 'team')}=${encodeURIComponent(text)}`;
  };

  it('are known for every list of the API', async () => {
    const { paths } = (await tauro.api.get('/openapi.json')).body;
    const documented = Object.entries<any>(paths).flatMap(([path, { get }]) => {
      const sorts = get?.parameters?.some(({ name }: any) => name === 'sort');
      return sorts ? [path.replace('/api/v1/', '').replace(/\{\w+\}/, '*')] : [];
    });
    // Lines of a log are found by their run and their number.
    const known = [...lists.map(({ path }) => path.replace(/\w+_[0-9A-Z]{26}/, '*')), 'runs/*/logs'];
    expect(documented.sort()).toEqual(known.sort());
  });

  it('answer every documented filter and sort, without a scan of the collection or a sort in memory', async () => {
    const faults: string[] = [];
    for (const { path, collection, spec } of lists) {
      const filters = Object.entries(spec.filters).map(([name, filter]) => asked(name, filter));
      const sorts = Object.keys(spec.sortable).flatMap((field) => [`sort=${field}`, `sort=-${field}`]);
      const pairs = filters.flatMap((one, i) => filters.slice(i + 1).map((two) => `${one}&${two}`));
      for (const query of ['', ...filters, ...sorts, ...pairs]) {
        for (const plan of await plansOf(path, collection, query)) {
          if (/COLLSCAN|answered/.test(plan.summary) && path !== 'workers')
            faults.push(`${path}?${query}: ${plan.summary}`);
          if (plan.sorts && !isFew(path, query))
            faults.push(`${path}?${query}: sorts in memory (${plan.summary})`);
        }
      }
      // Filtered and sorted by something else: what is found is few enough to be sorted, or found in order.
      for (const query of filters.flatMap((one) => sorts.map((sort) => `${one}&${sort}`))) {
        for (const { summary } of await plansOf(path, collection, query)) {
          if (/COLLSCAN/.test(summary)) faults.push(`${path}?${query}: ${summary}`);
        }
      }
    }
    expect(faults).toEqual([]);
  });

  /** How the database answered what a request asked of a collection. */
  async function plansOf(
    path: string,
    collection: string,
    query: string,
  ): Promise<{ summary: string; sorts: boolean }[]> {
    const db = tauro.database;
    await db.command({ profile: 2 });
    const { status, body } = await tauro.api.get(`/api/v1/${path}?limit=10&fields=id&${query}`);
    await db.command({ profile: 0 });
    // A look-up by name and project may find nothing to list.
    if (status !== 200 && status !== 404)
      return [{ summary: `answered ${status} ${JSON.stringify(body)}`, sorts: true }];
    const profile = db.collection<any>('system.profile');
    const found = await profile
      .find({ ns: `${db.databaseName}.${collection}`, planSummary: { $exists: true } })
      .toArray();
    await profile.drop();
    return found
      .filter(({ command }) => command.sort !== undefined || command.aggregate !== undefined)
      .map(({ planSummary, hasSortStage }) => ({ summary: planSummary, sorts: hasSortStage === true }));
  }
});
