import { type IdPrefix, ID_PREFIXES } from '@tauro/domain';

/** What writes are about, by the prefix of its ids: the word for it, and where it is stored. */
export const RESOURCES: Partial<Record<IdPrefix, { kind: string; collection: string }>> = {
  proj: { kind: 'project', collection: 'projects' },
  pipe: { kind: 'pipeline', collection: 'pipelines' },
  run: { kind: 'run', collection: 'pipeline_runs' },
  task: { kind: 'task', collection: 'tasks' },
  sched: { kind: 'schedule', collection: 'schedules' },
  bf: { kind: 'backfill', collection: 'backfills' },
  trg: { kind: 'trigger', collection: 'triggers' },
  ntf: { kind: 'notification', collection: 'notifications' },
  cfg: { kind: 'config', collection: 'configs' },
  cfgv: { kind: 'config_version', collection: 'config_versions' },
  cfgp: { kind: 'config_promotion', collection: 'config_promotions' },
  pool: { kind: 'pool', collection: 'pools' },
  key: { kind: 'key', collection: 'api_keys' },
  role: { kind: 'role', collection: 'roles' },
  sec: { kind: 'secret', collection: 'secrets' },
  conn: { kind: 'connection', collection: 'connections' },
  var: { kind: 'variable', collection: 'variables' },
  mark: { kind: 'source_mark', collection: 'source_marks' },
};

const ID = new RegExp(`^(${ID_PREFIXES.join('|')})_[A-Za-z0-9]{1,64}$`);

/** What an id is of; undefined for what is no id of such a thing. */
export function resourceOf(id: unknown): { kind: string; collection: string } | undefined {
  const prefix = typeof id === 'string' ? (ID.exec(id)?.[1] as IdPrefix | undefined) : undefined;
  return prefix && RESOURCES[prefix];
}

const MAX_IDS = 1000;

/** Ids of all that a request was about: those in its path, in its answer, and in the list of a batch. */
export function idsOf(params: object, answer: unknown, body: unknown): string[] {
  const data = (answer as { data?: unknown } | undefined)?.data;
  const listed = (body as { ids?: unknown } | null | undefined)?.ids;
  const answered = (Array.isArray(data) ? (data as unknown[]) : [data]).map(idIn);
  const all = [
    ...(Object.values(params) as unknown[]),
    ...answered,
    ...(Array.isArray(listed) ? (listed as unknown[]) : []),
  ];
  return [...new Set(all.filter((id): id is string => resourceOf(id) !== undefined))].slice(0, MAX_IDS);
}

/** Of a thing, or of an item of a batch, which has it within. */
function idIn(item: unknown): unknown {
  const { id, data } = (item ?? {}) as { id?: unknown; data?: { id?: unknown } };
  return id ?? data?.id;
}
