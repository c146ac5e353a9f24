import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type DomainError, type IdPrefix, notFound } from '@tauro/domain';
import { type Request } from 'express';
import { type Connection } from 'mongoose';
import { confined } from '../access.guard.js';
import { currentContext } from '../principal.js';
import { namedIds } from './named-ids.js';

/** What belongs to projects: the word for it, where it is stored, and which field has its project. */
const OWNED: Partial<Record<IdPrefix, { what: string; collection: string; field: string }>> = {
  proj: { what: 'project', collection: 'projects', field: '_id' },
  pipe: { what: 'pipeline', collection: 'pipelines', field: 'project_id' },
  run: { what: 'run', collection: 'pipeline_runs', field: 'project_id' },
  sched: { what: 'schedule', collection: 'schedules', field: 'project_id' },
  bf: { what: 'backfill', collection: 'backfills', field: 'project_id' },
  trg: { what: 'trigger', collection: 'triggers', field: 'project_id' },
  chk: { what: 'quality result', collection: 'quality_results', field: 'project_id' },
  ntf: { what: 'notification', collection: 'notifications', field: 'project_id' },
  cfg: { what: 'config', collection: 'configs', field: 'project_id' },
  cfgv: { what: 'config version', collection: 'config_versions', field: 'project_id' },
  cfgp: { what: 'config promotion', collection: 'config_promotions', field: 'project_id' },
  sec: { what: 'secret', collection: 'secrets', field: 'project_id' },
  var: { what: 'variable', collection: 'variables', field: 'project_id' },
  mark: { what: 'source mark', collection: 'source_marks', field: 'project_id' },
  ds: { what: 'dataset', collection: 'datasets', field: 'project_id' },
  aud: { what: 'audit entry', collection: 'audit', field: 'project_id' },
  conn: { what: 'connection', collection: 'connections', field: 'project_id' },
};
const KINDS = new Set(Object.keys(OWNED) as IdPrefix[]);
const READING = new Set(['GET', 'HEAD']);

/**
 * Keeps callers who are confined to projects away from everything else. Whatever a request names by an id, in its path,
 * query or body, has to belong to one of their projects, or it is answered as if it were not there. So no route has to
 * think of it; lists are narrowed by `findPage`. What belongs to no project is there for all to read, but not to change.
 */
@Injectable()
export class ScopeGuard implements CanActivate {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  async canActivate(execution: ExecutionContext): Promise<boolean> {
    const context = currentContext();
    const scope = context?.principal.project_ids;
    if (!context || !scope) return true;
    const req = execution.switchToHttp().getRequest<Request<Record<string, string>, unknown, unknown>>();
    const addressed = await this.owners(req.params);
    for (const [id, { project, what }] of addressed) {
      if (project === null && !READING.has(req.method)) throw confined();
      if (project !== null && !scope.includes(project)) throw notFound(what, id);
    }
    const [first] = foreign(await this.owners(req.query), scope).values();
    if (first) throw first;
    const inBody = foreign(await this.owners(req.body), scope);
    const [refused] = inBody.values();
    // Parts that are answered one by one are refused one by one: see `refuseForeign`.
    if (refused && !isPartial(req.body)) throw refused;
    context.foreign = inBody;
    return true;
  }

  /** To which project each of the things belongs that are named; what is not there belongs to none and is left out. */
  private async owners(json: unknown): Promise<Map<string, { project: string | null; what: string }>> {
    const owners = new Map<string, { project: string | null; what: string }>();
    for (const [kind, ids] of namedIds(json, KINDS)) {
      const { what, collection, field } = OWNED[kind]!;
      const found = this.connection
        .collection<{ _id: string }>(collection)
        .find({ _id: { $in: [...ids] } }, { projection: { [field]: 1 } });
      for await (const document of found as AsyncIterable<Record<string, string | null | undefined>>) {
        owners.set(document._id!, { project: document[field] ?? null, what });
      }
    }
    return owners;
  }
}

/** Those that belong to others, and what is answered about each. */
function foreign(
  owners: Map<string, { project: string | null; what: string }>,
  scope: readonly string[],
): Map<string, DomainError> {
  const others = [...owners].filter(([, { project }]) => project !== null && !scope.includes(project));
  return new Map(others.map(([id, { what }]) => [id, notFound(what, id)]));
}

const isPartial = (body: unknown): boolean => (body as { partial?: unknown } | null)?.partial === true;
